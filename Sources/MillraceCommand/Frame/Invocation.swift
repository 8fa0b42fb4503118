import MillraceCore

/// One run of one verb: what was given on the command line, and where to print.
struct Invocation: Sendable {
    /// The words that led to the verb, such as `["log", "read"]`.
    let path: [String]
    let verb: Verb
    let arguments: [String]
    /// Option name → its values in order; a switch has an empty text.
    let options: [String: [String]]
    let environment: [String: String]
    let terminal: Terminal

    func flag(_ name: String) -> Bool { options[declared(name)] != nil }
    /// The last value given.
    func value(_ name: String) -> String? { options[declared(name)]?.last }
    func values(_ name: String) -> [String] { options[declared(name)] ?? [] }
    /// The argument at an index that the verb declares as required, or nil when it is optional and missing.
    func argument(_ index: Int) -> String? { index < arguments.count ? arguments[index] : nil }
    func required(_ index: Int) -> String {
        precondition(index < arguments.count, "the parser checks the number of arguments")
        return arguments[index]
    }

    var dataDirectory: String { value("data") ?? environment["MILLRACE_DATA"] ?? ".millrace" }

    func integer(_ name: String, in range: ClosedRange<Int64> = .min ... .max) throws(Failure) -> Int64? {
        guard let text = value(name) else { return nil }
        guard let number = Int64(text), range.contains(number) else {
            throw refusal(name, text, "a whole number\(range.lowerBound == .min ? "" : " from \(range.lowerBound)")")
        }
        return number
    }
    func bytes(_ name: String) throws(Failure) -> Int64? {
        guard let text = value(name) else { return nil }
        guard let bytes = Human.bytes(from: text) else { throw refusal(name, text, "a size such as 64MiB or 4096") }
        return bytes
    }
    func span(_ name: String) throws(Failure) -> TimeSpan? {
        guard let text = value(name) else { return nil }
        guard let span = Human.span(from: text) else { throw refusal(name, text, "a duration such as 500ms, 2h or 7d") }
        return span
    }
    func time(_ name: String) throws(Failure) -> EventTime? {
        guard let text = value(name) else { return nil }
        guard let time = CivilTime.parse(text) else {
            throw refusal(name, text, "a time such as 2026-03-01T12:00:00Z or milliseconds since 1970")
        }
        return time
    }
    /// The failure for an option whose value has the wrong form.
    func refusal(_ name: String, _ value: String, _ form: String) -> Failure {
        Failure(.usage, "--\(name) cannot be '\(value)'", advice: "Give \(form)")
    }

    private func declared(_ name: String) -> String {
        let known = verb.options.contains { $0.name == name } || Verb.globalOptions.contains { $0.name == name }
        precondition(known, "the verb does not declare --\(name)")
        return name
    }
}
