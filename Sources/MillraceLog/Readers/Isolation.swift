/// Which records of transactions a reader gets.
public enum Isolation: Hashable, Sendable {
    /// Only those of committed ones, and nothing behind the oldest open one.
    case readCommitted
    /// All.
    case readUncommitted
}

/// A reader's wish to be woken. Cancelling after it fired does nothing.
public struct ReadRegistration: Sendable {
    let onCancel: @Sendable () -> Void
    public func cancel() { onCancel() }
}
