import MillraceCore

extension Limits {
    /// Output kept back before it is written: a few hundred lines a system call.
    static let outputBufferBytes = 64 << 10
    /// Input read at once.
    static let inputBufferBytes = 256 << 10
    /// One line of input: what a batch may hold.
    static let inputLineBytes = 16 << 20
    /// Rows that are held back to align their columns. Beyond, what was seen so far decides the widths.
    static let alignedRows = 1_000
    /// How long a follower of a log that another process writes waits before it looks again.
    static let followInterval: TimeSpan = .milliseconds(100)
    /// Times the tables of a running node are opened for reading when it drops a file in between.
    static let looksBeside = 5
    /// Nesting of JSON in the input.
    static let jsonDepth = 64
}

extension Limits {
    /// Bytes of batches the tool has handed to the log and that are not acknowledged yet: enough for group commits.
    static let appendBytesInFlight = 16 << 20
    /// Bytes of records a batch collects before it is handed on.
    static let appendBatchBytes = 256 << 10
}
