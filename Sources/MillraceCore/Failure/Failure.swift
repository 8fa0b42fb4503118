/// An operating failure: something outside the program's own logic went wrong, and a supervisor or a person decides.
///
/// Every failure carries a code to match on, a place, a cause and advice. (Bad input is a value and goes to the dead
/// letters; a broken invariant traps.)
public struct Failure: Error, Sendable, CustomStringConvertible {
    /// What kind of failure. Open: each module adds its own as static members in an extension.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let name: String
        public init(_ name: String) { self.name = name }
        public var description: String { name }
        public static func ~= (pattern: Code, failure: Failure) -> Bool { pattern == failure.code }
    }

    private final class Details: Sendable {
        let code: Code, message: String, advice: String, place: String, cause: (any Error)?
        let isRetriable: Bool, isFatal: Bool, file: StaticString, line: UInt
        init(
            code: Code, message: String, advice: String, place: String, cause: (any Error)?, isRetriable: Bool,
            isFatal: Bool, file: StaticString, line: UInt
        ) {
            (self.code, self.message, self.advice, self.place) = (code, message, advice, place)
            (self.cause, self.isRetriable, self.isFatal) = (cause, isRetriable, isFatal)
            (self.file, self.line) = (file, line)
        }
    }
    /// One word, so that a typed throw costs a register.
    private let details: Details

    /// - Parameters:
    ///   - message: what happened, with the values that matter.
    ///   - advice: what the reader can do about it.
    ///   - place: where in the user's world: a topic and offset, a table and key, a file and position.
    ///   - isRetriable: the same call may succeed later without anyone changing anything.
    ///   - isFatal: the component that threw cannot go on and has to be restarted.
    public init(
        _ code: Code, _ message: String, advice: String = "", place: String = "", cause: (any Error)? = nil,
        isRetriable: Bool = false, isFatal: Bool = false, file: StaticString = #fileID, line: UInt = #line
    ) {
        details = Details(
            code: code, message: message, advice: advice, place: place, cause: cause, isRetriable: isRetriable,
            isFatal: isFatal, file: file, line: line)
    }

    public var code: Code { details.code }
    public var message: String { details.message }
    public var advice: String { details.advice }
    public var place: String { details.place }
    public var cause: (any Error)? { details.cause }
    public var isRetriable: Bool { details.isRetriable }
    public var isFatal: Bool { details.isFatal }
    /// Where in Millrace's source it was made, as `Module/File.swift:line`.
    public var source: String { "\(details.file):\(details.line)" }

    /// `code: message (place). advice [cause]`, on one line.
    public var description: String {
        var text = "\(code): \(message)"
        if !place.isEmpty { text += " (\(place))" }
        if !advice.isEmpty { text += ". \(advice)" }
        if let cause { text += " [\(cause)]" }
        return text
    }
}

extension Failure.Code {
    /// A name, value or option that the caller gave is not acceptable.
    public static let invalidArgument = Failure.Code("invalid-argument")
    public static let notFound = Failure.Code("not-found")
    public static let alreadyExists = Failure.Code("already-exists")
    /// The thing exists and is over: it takes no orders.
    public static let notRunning = Failure.Code("not-running")
    /// A named limit was reached. Retriable when it is a queue or budget that drains by itself.
    public static let limitReached = Failure.Code("limit-reached")
    /// The operating system refused; the cause is an `IOFault`.
    public static let io = Failure.Code("io")
    /// The disk is full. Reads go on, writes are refused until there is room.
    public static let diskFull = Failure.Code("disk-full")
    /// Stored bytes are not what was written. Never served, never dropped.
    public static let corrupt = Failure.Code("corrupt")
    /// The component was closed, or fenced after a failed sync.
    public static let closed = Failure.Code("closed")
    /// Someone with a newer epoch has taken over.
    public static let fenced = Failure.Code("fenced")
    /// Another process owns the data directory.
    public static let inUse = Failure.Code("in-use")
    public static let timedOut = Failure.Code("timed-out")
    /// Stored by a version or with a schema that this program cannot read.
    public static let incompatible = Failure.Code("incompatible")
}
