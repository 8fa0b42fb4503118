public import MillraceCore

extension Failure.Code {
    /// A reader asked for an offset that the log does not hold: deleted by retention, cut, or not there yet.
    public static let offsetOutOfRange = Failure.Code("offset-out-of-range")
    /// An idempotent producer left out a batch, or sent one that is older than those remembered.
    public static let outOfOrderSequence = Failure.Code("out-of-order-sequence")
    /// A transactional call that the producer's state does not allow.
    public static let invalidTransaction = Failure.Code("invalid-transaction")
    /// A record's time is further in the future than the topic allows.
    public static let invalidTimestamp = Failure.Code("invalid-timestamp")
}

/// Runs system calls and says in the failure what they were for.
func attempting<R>(
    _ message: @autoclosure () -> String, place: @autoclosure () -> String = "", _ body: () throws(IOFault) -> R
) throws(Failure) -> R {
    do throws(IOFault) { return try body() } catch { throw Failure(error, message(), place: place()) }
}
