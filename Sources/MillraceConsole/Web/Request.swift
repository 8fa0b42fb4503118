public import MillraceCore

/// A request whose head was checked and whose body is whole.
public struct Request: Sendable {
    public enum Method: String, Sendable, Hashable, CaseIterable {
        case get = "GET", head = "HEAD", post = "POST", put = "PUT", delete = "DELETE", options = "OPTIONS"
        public var isWrite: Bool { self == .post || self == .put || self == .delete }
    }

    public var method: Method
    /// The path's segments, each decoded: `/logs/a%2Fb` is `["logs", "a/b"]`.
    public var path: [String]
    public var query: Query
    public var headers: Headers
    public var body: [UInt8]
    public var address: Address
    /// Called when the request has shown the node's token: its connection is no stranger's any more.
    var showsToken: @Sendable () -> Void = {}

    public init(
        method: Method, path: [String], query: Query = Query(), headers: Headers = Headers(), body: [UInt8] = [],
        address: Address = .loopback
    ) {
        (self.method, self.path, self.query) = (method, path, query)
        (self.headers, self.body, self.address) = (headers, body, address)
    }
}

/// Where a request came from: an IPv6 address, IPv4 mapped into it.
public struct Address: Sendable, Hashable {
    public var high: UInt64
    public var low: UInt64
    public static let loopback = Address(high: 0, low: 1)
    public var isLoopback: Bool {
        high == 0 && (low == 1 || (low >> 32 == 0xFFFF && (low >> 24) & 0xFF == 127))
    }
}

/// Names without regard to case, in the order they came.
public struct Headers: Sendable {
    public private(set) var all: [(name: String, value: String)] = []

    public init(_ all: [(String, String)] = []) { for (name, value) in all { add(name, value) } }

    public mutating func add(_ name: String, _ value: String) { all.append((name.lowercased(), value)) }
    public subscript(_ name: String) -> String? { all.first { $0.name == name }?.value }
    public func count(_ name: String) -> Int { all.reduce(0) { $0 + ($1.name == name ? 1 : 0) } }
}

/// The parameters behind the question mark, decoded, in order.
public struct Query: Sendable {
    public private(set) var all: [(name: String, value: String)] = []

    public init(_ all: [(String, String)] = []) { self.all = all.map { (name: $0.0, value: $0.1) } }

    public subscript(_ name: String) -> String? { all.first { $0.name == name }?.value }
    public func values(_ name: String) -> [String] { all.filter { $0.name == name }.map(\.value) }
    public func has(_ name: String) -> Bool { all.contains { $0.name == name } }

    /// `?follow`, `?follow=true`; `?follow=false` is as good as nothing.
    public func flag(_ name: String) throws(Failure) -> Bool {
        switch self[name] {
        case nil, "false"?, "0"?: return false
        case ""?, "true"?, "1"?: return true
        case let text?: throw Failure(.invalidArgument, "\(name) is true or false, not \"\(text)\"")
        }
    }

    public func integer(_ name: String, in range: ClosedRange<Int>, default value: Int) throws(Failure) -> Int {
        guard let text = self[name] else { return value }
        guard let number = Int(text), range.contains(number) else {
            throw Failure(
                .invalidArgument, "\(name) is a number from \(range.lowerBound) to \(range.upperBound), not \"\(text)\""
            )
        }
        return number
    }

    mutating func add(_ name: String, _ value: String) { all.append((name, value)) }
}
