internal import MillraceCore

extension Limits {
    /// One command to a running node: a verb, a pipeline, a key.
    static let controlRequestBytes = 4_096
    /// One answer: the status of a node with ten thousand tasks.
    static let controlAnswerBytes = 16 << 20
    /// How long one side of the control socket waits for the other.
    static let controlMilliseconds: Int32 = 5_000
    /// Bytes a task reads from its source before it lets the next task of its lane run: about a millisecond of work.
    static let bytesPerTurn = 1 << 20
}
