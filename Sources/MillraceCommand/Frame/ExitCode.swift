import MillraceCore

/// What the process ends with. Scripts rely on these: never give one a new meaning.
enum ExitCode: Int32, CaseIterable {
    case success = 0
    case failure = 1
    case usage = 2
    case corruption = 3
    case notFound = 4
    case inUse = 5

    var meaning: String {
        switch self {
        case .success: "done"
        case .failure: "it failed; the message says why"
        case .usage: "the command line is wrong; nothing was done"
        case .corruption: "stored bytes are damaged; nothing was removed"
        case .notFound: "a topic, table, group or file that was named is not there"
        case .inUse: "another process owns the data directory"
        }
    }

    init(_ failure: Failure) {
        switch failure.code {
        case .usage: self = .usage
        case .corrupt: self = .corruption
        case .notFound: self = .notFound
        case .inUse: self = .inUse
        default: self = .failure
        }
    }
}

extension Failure.Code {
    /// A command line that cannot be understood.
    static let usage = Failure.Code("usage")
}
