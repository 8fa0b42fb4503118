/// Parsed JSON that remembers where each part stood, for messages.
public struct JSONTree: Sendable {
    public indirect enum Node: Sendable {
        case null
        case flag(Bool)
        /// The number's text, so that no digit is lost.
        case number(String)
        case text(String)
        case array([JSONTree])
        case object([(key: String, value: JSONTree)])
    }
    public let node: Node
    /// From 1.
    public let line: Int
    public let column: Int

    public init(_ node: Node, line: Int, column: Int) { (self.node, self.line, self.column) = (node, line, column) }

    func fault(_ message: String) -> TextFault { TextFault(message, line: line, column: column) }

    /// What it is, for messages.
    var kind: String {
        switch node {
        case .null: "null"
        case .flag: "true or false"
        case .number: "a number"
        case .text: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
