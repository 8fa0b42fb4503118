public import MillraceCore

/// Messages that reached nobody: all counted by reason, the latest kept, told to subscribers.
///
/// (Records that cannot be processed are something else: they go to a topic and can be driven again.)
public final class UndeliveredLetters: Sendable {
    public enum Reason: String, Sendable, Hashable, CaseIterable {
        case overflow, closed, lateReply, stashOverflow, leftBehind
    }

    public struct Letter: Sendable {
        public var mailbox: String
        public var reason: Reason
        /// The message as text, cut to `Limits.undeliveredText`.
        public var text: String
        public var at: EventTime
    }

    private struct State: Sendable {
        var counts: [Reason: Int64] = [:]
        var latest = Fifo<Letter>()
        var subscribers: [Int: @Sendable (Letter) -> Void] = [:]
        var next = 0
    }

    private let clock: any RuntimeClock
    private let state = Lock(State())

    public init(clock: any RuntimeClock) { self.clock = clock }

    public func count(_ reason: Reason) -> Int64 { state.withLock { $0.counts[reason, default: 0] } }
    public var count: Int64 { state.withLock { $0.counts.values.reduce(0, +) } }

    /// The latest ones, oldest first, at most `Limits.undeliveredKept`.
    public var latest: [Letter] {
        state.withLock { state in
            var copy = state.latest
            var letters: [Letter] = []
            while let letter = copy.popFirst() { letters.append(letter) }
            return letters
        }
    }

    /// Calls `listener` for each letter from now on, on the sender's thread; it must be short and not block.
    public func subscribe(_ listener: @escaping @Sendable (Letter) -> Void) throws(Failure) -> Observation {
        let id: Int? = state.withLock { state in
            guard state.subscribers.count < Limits.undeliveredSubscribers else { return nil }
            state.next += 1
            state.subscribers[state.next] = listener
            return state.next
        }
        guard let id else {
            throw Failure(.limitReached, "more than \(Limits.undeliveredSubscribers) listen to undelivered letters")
        }
        return Observation { [state] in state.withLock { _ = $0.subscribers.removeValue(forKey: id) } }
    }

    func note<Message>(_ message: Message, mailbox: String, reason: Reason) {
        let text = String(decoding: "\(message)".utf8.prefix(Limits.undeliveredText), as: UTF8.self)
        let letter = Letter(mailbox: mailbox, reason: reason, text: text, at: clock.wall)
        let subscribers = state.withLock { state in
            state.counts[reason, default: 0] += 1
            state.latest.append(letter)
            if state.latest.count > Limits.undeliveredKept { _ = state.latest.popFirst() }
            return state.subscribers.keys.sorted().compactMap { state.subscribers[$0] }
        }
        for subscriber in subscribers { subscriber(letter) }
    }
}
