internal import MillraceCore

/// The logic of a mailbox as a value. Whoever has to be woken is returned, never called.
struct MailboxState<Message: Sendable>: Sendable {
    enum Entry: Sendable {
        case message(Message, bytes: Int)
        /// A timer's message. Delivered only if the timer is still the same: a cancelled one leaves no stale tick.
        case tick(key: String, generation: UInt64)
    }

    struct Sender: Sendable {
        var message: Message
        var bytes: Int
        var wake: @Sendable (Result<Delivery, Failure>) -> Void
    }

    struct KeyedTimer: Sendable {
        var generation: UInt64
        var message: Message
        /// Started again this long after its tick was taken.
        var every: TimeSpan?
        var timer: ClockTimer?
        /// A tick is in the mailbox.
        var isDue = false
    }

    enum Sent {
        case done(Delivery)
        case failed(Failure)
        case mustWait
    }

    struct Letter {
        var message: Message
        var reason: UndeliveredLetters.Reason
    }

    let name: String
    let capacity: Int, byteCapacity: Int
    let overflow: Overflow
    private(set) var queue = Fifo<Entry>()
    /// Of messages in the queue, without ticks.
    private(set) var messages = 0, bytes = 0
    private var senders: [UInt64: Sender] = [:]
    private var senderOrder = Fifo<UInt64>()
    private var nextID: UInt64 = 0
    private var timers: [String: KeyedTimer] = [:]
    private(set) var isClosed = false
    private var accepted: Int64 = 0, dropped: Int64 = 0, refused: Int64 = 0
    private var mostMessages = 0
    var receiver: (@Sendable () -> Void)?

    init(name: String, capacity: Int, byteCapacity: Int, overflow: Overflow) {
        precondition(capacity > 0 && byteCapacity > 0, "a mailbox holds at least one message")
        (self.name, self.capacity, self.byteCapacity, self.overflow) = (name, capacity, byteCapacity, overflow)
    }

    var usage: MailboxUsage {
        MailboxUsage(
            messages: messages, bytes: bytes, capacity: capacity, byteCapacity: byteCapacity,
            waitingSenders: senders.count, accepted: accepted, dropped: dropped, refused: refused,
            mostMessages: mostMessages, isClosed: isClosed)
    }

    /// A message larger than the whole mailbox is taken when the mailbox is empty: it would never fit otherwise.
    private func fits(_ size: Int) -> Bool {
        messages < capacity && (messages == 0 || size <= byteCapacity - bytes)
    }

    private mutating func put(_ message: Message, _ size: Int) {
        queue.append(.message(message, bytes: size))
        messages += 1
        bytes += size
        accepted += 1
        mostMessages = max(mostMessages, messages)
    }

    mutating func takeReceiver() -> (@Sendable () -> Void)? { receiver.take() }

    // MARK: Sending

    /// Letters are what is lost by this.
    mutating func send(_ message: Message, bytes size: Int, letters: inout [Letter]) -> Sent {
        if isClosed {
            refused += 1
            letters.append(Letter(message: message, reason: .closed))
            return .failed(Failure(.closed, "mailbox \(name) is closed", place: name))
        }
        if senders.isEmpty, fits(size) {
            put(message, size)
            return .done(.accepted)
        }
        switch overflow {
        case .backPressure:
            guard senders.count < Limits.mailboxSenders else { return refuse("\(senders.count) senders wait") }
            return .mustWait
        case .fail: return refuse("it holds \(messages) messages of \(bytes) bytes")
        case .dropNewest:
            dropped += 1
            letters.append(Letter(message: message, reason: .overflow))
            return .done(.dropped)
        case .dropOldest:
            let before = letters.count
            while !fits(size), let oldest = popMessage() {
                dropped += 1
                letters.append(Letter(message: oldest, reason: .overflow))
            }
            put(message, size)
            return .done(.acceptedDropping(letters.count - before))
        }
    }

    private mutating func refuse(_ why: String) -> Sent {
        refused += 1
        return .failed(
            Failure(
                .limitReached, "mailbox \(name) is full: \(why)", advice: "Send less, or later", place: name,
                isRetriable: true))
    }

    /// The oldest message; ticks stay where they are relative to the messages after it.
    private mutating func popMessage() -> Message? {
        var ticks: [Entry] = []
        defer { queue.prepend(ticks) }
        while let entry = queue.popFirst() {
            guard case .message(let message, let size) = entry else {
                ticks.append(entry)
                continue
            }
            messages -= 1
            bytes -= size
            return message
        }
        return nil
    }

    mutating func wait(_ sender: Sender) -> UInt64 {
        nextID += 1
        senders[nextID] = sender
        senderOrder.append(nextID)
        return nextID
    }

    /// False when the sender was let in already. Those behind it may fit where it did not.
    mutating func giveUp(_ id: UInt64, _ wakes: inout [@Sendable () -> Void]) -> Bool {
        guard senders.removeValue(forKey: id) != nil else { return false }
        if senderOrder.count > 2 * senders.count + 64 {
            let waiting = senders
            senderOrder.removeAll { waiting[$0] == nil }
        }
        admit(&wakes)
        return true
    }

    /// Takes in as many waiting senders as fit, in their order.
    private mutating func admit(_ wakes: inout [@Sendable () -> Void]) {
        while let id = senderOrder.first {
            guard let sender = senders[id] else {
                _ = senderOrder.popFirst()
                continue
            }
            guard fits(sender.bytes) else { return }
            _ = senderOrder.popFirst()
            senders[id] = nil
            put(sender.message, sender.bytes)
            wakes.append { sender.wake(.success(.accepted)) }
        }
    }

    // MARK: Receiving

    /// The next message that counts, and who can go on because of the room.
    mutating func receive(
        _ wakes: inout [@Sendable () -> Void], rearm: inout (key: String, generation: UInt64, every: TimeSpan)?
    ) -> Message? {
        while let entry = queue.popFirst() {
            switch entry {
            case .message(let message, let size):
                messages -= 1
                bytes -= size
                admit(&wakes)
                return message
            case .tick(let key, let generation):
                guard let timer = timers[key], timer.generation == generation else { continue }
                if let every = timer.every {
                    timers[key]?.isDue = false
                    rearm = (key, generation, every)
                } else {
                    timers[key] = nil
                }
                return timer.message
            }
        }
        return nil
    }

    /// Puts stashed messages before all others. They are bounded by the stash, not by the mailbox.
    mutating func unstash(_ stashed: [(message: Message, bytes: Int)]) {
        queue.prepend(stashed.map { .message($0.message, bytes: $0.bytes) })
        messages += stashed.count
        bytes += stashed.reduce(0) { $0 + $1.bytes }
    }

    mutating func close(_ wakes: inout [@Sendable () -> Void], letters: inout [Letter]) {
        guard !isClosed else { return }
        isClosed = true
        for id in senders.keys.sorted() {
            guard let sender = senders[id] else { continue }
            letters.append(Letter(message: sender.message, reason: .closed))
            let failure = Failure(.closed, "mailbox \(name) was closed", place: name)
            wakes.append { sender.wake(.failure(failure)) }
        }
        senders = [:]
        senderOrder = Fifo()
        for timer in timers.values { if let timer = timer.timer { wakes.append { timer.cancel() } } }
        timers = [:]
    }

    // MARK: Timers

    /// The generation of the new timer and the one it replaces.
    mutating func startTimer(
        _ key: String, every: TimeSpan?, _ message: Message
    ) -> (generation: UInt64, replaced: ClockTimer?)? {
        guard !isClosed, timers[key] != nil || timers.count < Limits.mailboxTimers else { return nil }
        nextID += 1
        let replaced = timers[key]?.timer
        timers[key] = KeyedTimer(generation: nextID, message: message, every: every)
        return (nextID, replaced)
    }

    mutating func attach(_ timer: ClockTimer, _ key: String, _ generation: UInt64) -> Bool {
        guard timers[key]?.generation == generation else { return false }
        timers[key]?.timer = timer
        return true
    }

    mutating func cancelTimer(_ key: String) -> ClockTimer? { timers.removeValue(forKey: key)?.timer }
    var timerKeys: [String] { timers.keys.sorted() }

    mutating func fired(_ key: String, _ generation: UInt64) {
        guard let timer = timers[key], timer.generation == generation, !timer.isDue else { return }
        timers[key]?.isDue = true
        queue.append(.tick(key: key, generation: generation))
    }
}
