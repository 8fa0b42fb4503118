public import MillraceCore

/// Where in a text something is wrong, counted as editors count: lines and columns from 1, columns in characters.
public struct TextFault: Error, Hashable, Sendable, CustomStringConvertible {
    public let message: String
    public var line: Int
    public var column: Int
    public init(_ message: String, line: Int = 1, column: Int = 1) {
        (self.message, self.line, self.column) = (message, line, column)
    }
    public var description: String { "line \(line), column \(column): \(message)" }

    /// As a failure of the caller's input; `source` names the file.
    public func failure(in source: String) -> Failure {
        Failure(.invalidArgument, message, place: "\(source), line \(line), column \(column)", cause: nil)
    }
}
