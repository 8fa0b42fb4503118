internal import MillraceCore

/// One operation of the API: how it is reached, what it takes, and what answers it. The OpenAPI document is made of
/// these, so it cannot say anything else than what is served.
struct Route: Sendable {
    struct Parameter: Sendable {
        enum Kind: String, Sendable { case string, integer, number, boolean }
        enum Place: String, Sendable { case query, header }
        var name: String
        var kind: Kind
        var meaning: String
        var isRepeatable: Bool
        /// What a number may be.
        var range: ClosedRange<Int>?
        /// The only values, when there are few.
        var values: [String]
        var place: Place
        var isRequired = false
        /// A regular expression, for text.
        var pattern = ""

        init(
            _ name: String, _ meaning: String, kind: Kind = .string, isRepeatable: Bool = false,
            range: ClosedRange<Int>? = nil, values: [String] = [], place: Place = .query, isRequired: Bool = false,
            pattern: String = ""
        ) {
            (self.name, self.kind, self.meaning, self.isRepeatable) = (name, kind, meaning, isRepeatable)
            (self.range, self.values, self.place) = (range, values, place)
            (self.isRequired, self.pattern) = (isRequired, pattern)
        }
    }

    typealias Handler = @Sendable (Request, [String]) -> Answer

    var method: Request.Method
    /// `/tables/{table}/schema`; the values of the braces are handed to the handler in order.
    var pattern: String
    var access: AccessRules.Access
    var summary: String
    var parameters: [Parameter]
    /// Content types that may come back with 200.
    var produces: [String]
    var consumes: [String]
    var bodyLimit = Limits.httpBodyBytes
    /// The members of a body that is an object of the API's.
    var bodyFields: [Parameter]?
    var handler: Handler
    let segments: [String]

    init(
        _ method: Request.Method, _ pattern: String, _ access: AccessRules.Access, _ summary: String,
        _ parameters: [Parameter] = [], produces: [String] = ["application/json"], consumes: [String] = [],
        handler: @escaping Handler
    ) {
        (self.method, self.pattern, self.access, self.summary) = (method, pattern, access, summary)
        (self.parameters, self.produces, self.consumes, self.handler) = (parameters, produces, consumes, handler)
        segments = pattern.split(separator: "/").map(String.init)
    }

    /// The values of the pattern's braces, or `nil` when the path is another.
    func match(_ path: [String]) -> [String]? {
        guard path.count == segments.count else { return nil }
        var values: [String] = []
        for (segment, part) in zip(segments, path) {
            if segment.hasPrefix("{") { values.append(part) } else if segment != part { return nil }
        }
        return values
    }

    var pathParameters: [String] {
        segments.filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
    }
}

/// Finds the operation for a request.
struct Router: Sendable {
    var routes: [Route]

    enum Found: Sendable {
        case route(Route, [String])
        /// The path is known, with other methods.
        case otherMethods([String])
        case nothing
    }

    func find(_ method: Request.Method, _ path: [String]) -> Found {
        var others: Set<String> = []
        for route in routes {
            guard let values = route.match(path) else { continue }
            if route.method == method || (method == .head && route.method == .get) { return .route(route, values) }
            others.insert(route.method.rawValue)
        }
        return others.isEmpty ? .nothing : .otherMethods(others.sorted())
    }
}
