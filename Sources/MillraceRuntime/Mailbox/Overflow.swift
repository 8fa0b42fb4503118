public import MillraceCore

/// What a full mailbox does with one more message.
public enum Overflow: Sendable, Hashable {
    /// The sender waits, in order, until there is room.
    case backPressure
    /// The oldest ones go, are counted, and are told to the undelivered letters.
    case dropOldest
    /// The new one goes, is counted, and is told to the undelivered letters.
    case dropNewest
    /// The sender gets `limit-reached`.
    case fail
}

/// What became of a message that was sent.
public enum Delivery: Sendable, Hashable {
    case accepted
    /// Accepted in the place of so many older ones.
    case acceptedDropping(Int)
    /// Dropped: the mailbox is full and keeps the older ones.
    case dropped
}

/// Counts of a mailbox since it was made.
public struct MailboxUsage: Sendable, Hashable {
    public var messages: Int, bytes: Int, capacity: Int, byteCapacity: Int
    public var waitingSenders: Int
    public var accepted: Int64, dropped: Int64, refused: Int64
    /// The most messages that were ever in it.
    public var mostMessages: Int
    public var isClosed: Bool
}

extension Failure.Code {
    public static let cancelled = Failure.Code("cancelled")
    /// The receiver threw a request away without an answer.
    public static let unanswered = Failure.Code("unanswered")
}
