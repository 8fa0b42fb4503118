public import MillraceCore

/// A bounded queue of messages (or batches) for one receiver, in the order they were accepted.
///
/// An actor of Swift takes calls in any order and lets another in at every `await`. One that has to handle one message
/// after the other takes them from a mailbox: `run` calls the handler again only when it has returned.
/// Any number of senders, one receiver, any thread; nothing here blocks.
public final class Mailbox<Message: Sendable>: Sendable {
    public let name: String
    let clock: any RuntimeClock
    private let size: @Sendable (Message) -> Int
    private let letters: UndeliveredLetters?
    private let state: Lock<MailboxState<Message>>

    /// - Parameters:
    ///   - capacity: messages it holds.
    ///   - bytes: bytes it holds, as `size` counts them. One message that is larger is taken when it is empty.
    ///   - letters: told about what reaches nobody.
    public init(
        _ name: String, capacity: Int = Limits.mailboxMessages, bytes: Int = Limits.mailboxBytes,
        overflow: Overflow = .backPressure, clock: any RuntimeClock, letters: UndeliveredLetters? = nil,
        size: @escaping @Sendable (Message) -> Int = { _ in 0 }
    ) {
        (self.name, self.clock, self.size, self.letters) = (name, clock, size, letters)
        state = Lock(MailboxState(name: name, capacity: capacity, byteCapacity: bytes, overflow: overflow))
    }

    var undelivered: UndeliveredLetters? { letters }
    public var usage: MailboxUsage { state.withLock { $0.usage } }

    // MARK: Sending

    /// Sends without waiting. `nil` when it is full and its policy is back pressure: the message is still the caller's.
    public func offer(_ message: Message) throws(Failure) -> Delivery? {
        switch attempt(message) {
        case .done(let delivery): return delivery
        case .failed(let failure): throw failure
        case .mustWait: return nil
        }
    }

    /// Sends; under back pressure it waits for room, behind those who wait already. Throws `closed`, `limit-reached`,
    /// `cancelled`, or `timed-out` at the deadline.
    @discardableResult public func send(
        _ message: Message, by deadline: MonotonicTime? = nil
    ) async throws(Failure) -> Delivery {
        switch attempt(message) {
        case .done(let delivery): return delivery
        case .failed(let failure): throw failure
        case .mustWait: break
        }
        let once = Once<Result<Delivery, Failure>>()
        // There may be room again by now, so the attempt is repeated under the lock that puts us in the line.
        let id: UInt64? = change { state, letters, wake in
            switch state.send(message, bytes: size(message), letters: &letters) {
            case .done(let delivery):
                once.resume(returning: .success(delivery))
                wake = state.takeReceiver()
                return nil
            case .failed(let failure):
                once.resume(returning: .failure(failure))
                return nil
            case .mustWait:
                return state.wait(
                    .init(message: message, bytes: size(message), wake: { once.resume(returning: $0) }))
            }
        }
        guard let id else { return try await once.value.get() }
        let giveUp: @Sendable (Failure) -> Void = { [self] failure in
            var wakes: [@Sendable () -> Void] = []
            let isOut = change { state, _, wake in
                defer { if !state.queue.isEmpty { wake = state.takeReceiver() } }
                return state.giveUp(id, &wakes)
            }
            for wake in wakes { wake() }
            if isOut { once.resume(returning: .failure(failure)) }
        }
        let name = name
        let timer = deadline.map { deadline in
            clock.schedule(at: deadline) {
                giveUp(Failure(.timedOut, "no room in mailbox \(name)", place: name, isRetriable: true))
            }
        }
        let outcome = await withTaskCancellationHandler {
            await once.value
        } onCancel: {
            giveUp(Failure(.cancelled, "cancelled while waiting for room in mailbox \(name)", place: name))
        }
        timer?.cancel()
        return try outcome.get()
    }

    private func attempt(_ message: Message) -> MailboxState<Message>.Sent {
        change { state, letters, wake in
            let sent = state.send(message, bytes: size(message), letters: &letters)
            if case .done = sent { wake = state.takeReceiver() }
            return sent
        }
    }

    /// Changes the state, then wakes and tells outside the lock.
    private func change<R>(
        _ body: (inout MailboxState<Message>, inout [MailboxState<Message>.Letter], inout (@Sendable () -> Void)?) -> R
    ) -> R {
        var lost: [MailboxState<Message>.Letter] = []
        var wake: (@Sendable () -> Void)?
        var result: R?
        state.withLock { result = body(&$0, &lost, &wake) }
        wake?()
        if let letters { for letter in lost { letters.note(letter.message, mailbox: name, reason: letter.reason) } }
        guard let result else { preconditionFailure("the body has run") }
        return result
    }

    // MARK: Receiving

    /// The next message; waits for one. `nil` when the mailbox is closed and empty, or the task was cancelled.
    public func receive() async -> Message? {
        while true {
            if let message = poll() { return message }
            if Task.isCancelled || state.withLock({ $0.isClosed }) { return poll() }
            let once = Once<Void>()
            let mustWait = state.withLock { state in
                precondition(state.receiver == nil, "two receivers on one mailbox")
                guard state.queue.isEmpty, !state.isClosed else { return false }
                state.receiver = { once.resume(returning: ()) }
                return true
            }
            guard mustWait else { continue }
            await withTaskCancellationHandler {
                await once.value
            } onCancel: {
                let receiver = state.withLock { $0.takeReceiver() }
                receiver?()
            }
        }
    }

    /// The next message if there is one.
    public func poll() -> Message? {
        var wakes: [@Sendable () -> Void] = []
        var rearm: (key: String, generation: UInt64, every: TimeSpan)?
        var message: Message?
        state.withLock { message = $0.receive(&wakes, rearm: &rearm) }
        for wake in wakes { wake() }
        if let rearm { schedule(rearm.key, rearm.generation, after: rearm.every) }
        return message
    }

    /// All that is there, at least one, at most `limit`; empty when the mailbox is closed and empty, or cancelled.
    public func receiveBatch(limit: Int) async -> [Message] {
        precondition(limit > 0, "a batch holds at least one message")
        guard let first = await receive() else { return [] }
        var batch = [first]
        while batch.count < limit, let next = poll() { batch.append(next) }
        return batch
    }

    /// Handles one message after the other until the mailbox is closed and empty or the task is cancelled. What the
    /// handler throws ends it; the messages that wait stay for the next `run`.
    public func run(_ handle: (Message) async throws -> Void) async throws {
        while let message = await receive() { try await handle(message) }
    }

    /// Takes no more messages; those that are there are still delivered. Waiting senders get `closed`.
    public func close() {
        var wakes: [@Sendable () -> Void] = []
        change { state, letters, wake in
            state.close(&wakes, letters: &letters)
            wake = state.takeReceiver()
        }
        for wake in wakes { wake() }
    }

    /// Closes it and tells the undelivered letters about everything that nobody will receive.
    public func abandon() {
        close()
        while let message = poll() { letters?.note(message, mailbox: name, reason: .leftBehind) }
    }

    // MARK: Stash

    /// Puts back what was stashed, before all other messages, in the order of stashing.
    public func unstash(_ stash: inout Stash<Message>) {
        let all = stash.takeAll().map { (message: $0, bytes: size($0)) }
        guard !all.isEmpty else { return }
        change { state, _, wake in
            state.unstash(all)
            wake = state.takeReceiver()
        }
    }

    // MARK: Timers

    /// Delivers `message` once after the span. A timer of the same key is replaced; its tick, even if it is in the
    /// mailbox already, is not delivered any more.
    public func startTimer(_ key: String, after span: TimeSpan, _ message: Message) throws(Failure) {
        try startTimer(key, after: span, every: nil, message)
    }

    /// Delivers `message` again and again, the span after the last one was taken.
    public func startTimer(_ key: String, every span: TimeSpan, _ message: Message) throws(Failure) {
        try startTimer(key, after: span, every: span, message)
    }

    private func startTimer(_ key: String, after span: TimeSpan, every: TimeSpan?, _ message: Message) throws(Failure) {
        guard let (generation, replaced) = state.withLock({ $0.startTimer(key, every: every, message) }) else {
            throw Failure(
                .limitReached, "mailbox \(name) is closed or has \(Limits.mailboxTimers) timers", place: name)
        }
        replaced?.cancel()
        schedule(key, generation, after: span)
    }

    private func schedule(_ key: String, _ generation: UInt64, after span: TimeSpan) {
        let timer = clock.schedule(at: clock.now + span) { [weak self] in
            self?.change { state, _, wake in
                state.fired(key, generation)
                if !state.queue.isEmpty { wake = state.takeReceiver() }
            }
        }
        // It may be cancelled or replaced already.
        if !state.withLock({ $0.attach(timer, key, generation) }) { timer.cancel() }
    }

    public func cancelTimer(_ key: String) {
        let timer = state.withLock { $0.cancelTimer(key) }
        timer?.cancel()
    }

    public var timerKeys: [String] { state.withLock { $0.timerKeys } }
}

/// Messages put aside for later, bounded.
public struct Stash<Message: Sendable>: Sendable {
    private var messages: [Message] = []
    public let limit: Int

    public init(limit: Int = Limits.stashMessages) { self.limit = limit }
    public var count: Int { messages.count }

    /// Throws `limit-reached` when it is full: the message is still the caller's.
    public mutating func put(_ message: Message) throws(Failure) {
        guard messages.count < limit else {
            throw Failure(.limitReached, "a stash holds at most \(limit) messages", isRetriable: false)
        }
        messages.append(message)
    }

    mutating func takeAll() -> [Message] {
        defer { messages = [] }
        return messages
    }
}
