public import MillraceCore

/// The bytes that wait for one client, bounded. One producer sends, the server's thread takes.
///
/// A client that does not take them makes the producer wait, so that what it costs is this buffer; after
/// `Limits.streamStall` it is closed. Safe from any thread; nothing here blocks.
public final class EventStream: Sendable {
    private struct State: Sendable {
        var buffer: [UInt8] = []
        var head = 0
        var isEnded = false
        var isClosed = false
        var lastTaken: MonotonicTime
        /// Calls the server's thread back when it has gone to sleep for lack of data.
        var wake: (@Sendable () -> Void)?
        var room: [@Sendable () -> Void] = []
        var onClose: [@Sendable () -> Void] = []
        var waiter: (@Sendable () -> Void)?
        /// Ends the connection under a client that takes nothing.
        var abort: (@Sendable () -> Void)?
        var waiting: Int { buffer.count - head }
    }

    private let clock: any RuntimeClock
    private let state: Lock<State>

    public init(clock: any RuntimeClock) {
        self.clock = clock
        state = Lock(State(lastTaken: clock.now))
    }

    // MARK: The producer

    /// Nothing that is sent from now on arrives.
    public var isClosed: Bool { state.withLock { $0.isClosed || $0.isEnded } }
    public var waiting: Int { state.withLock { $0.waiting } }

    /// Sends when there is room; waits for it otherwise. False when the client is gone, or was closed because it took
    /// nothing for too long.
    public func send(_ bytes: [UInt8]) async -> Bool {
        precondition(bytes.count <= Limits.streamBytes, "larger than the whole buffer")
        while true {
            let outcome = offer(bytes)
            if let outcome { return outcome }
            await roomOrStall()
        }
    }

    /// `nil` when there is no room.
    public func offer(_ bytes: [UInt8]) -> Bool? {
        let now = clock.now
        let (outcome, wake): (Bool?, (@Sendable () -> Void)?) = state.withLock { state in
            if state.isClosed || state.isEnded { return (false, nil) }
            guard state.waiting + bytes.count <= Limits.streamBytes else { return (nil, nil) }
            if state.waiting == 0 { state.lastTaken = now }
            state.buffer += bytes
            return (true, state.wake.take())
        }
        wake?()
        return outcome
    }

    /// Returns when there is room, the stream is closed, or the client has stalled (which closes it).
    private func roomOrStall() async {
        let deadline = state.withLock { $0.lastTaken } + Limits.streamStall
        let once = Signal()
        let mustWait = state.withLock { state in
            guard !state.isClosed, state.waiting > Limits.streamBytes / 2 else { return false }
            state.room.append { once.fire() }
            return true
        }
        guard mustWait else { return }
        let timer = clock.schedule(at: deadline) { once.fire() }
        await once.wait()
        timer.cancel()
        closeIfStalled()
    }

    /// Closes a client that has taken nothing of what waits for too long. For the sweeper, too.
    func closeIfStalled() {
        let now = clock.now
        let isStalled = state.withLock { $0.waiting > 0 && now - $0.lastTaken >= Limits.streamStall }
        if isStalled { abort() }
    }

    func whenStalled(_ abort: @escaping @Sendable () -> Void) { state.withLock { $0.abort = abort } }

    /// Closes it whether or not the client takes anything.
    func abort() {
        let abort = state.withLock { $0.abort.take() }
        close()
        abort?()
    }

    /// Everything sent so far is still delivered.
    public func end() {
        let (wake, waiter) = state.withLock { state in
            state.isEnded = true
            return (state.wake.take(), state.waiter.take())
        }
        wake?()
        waiter?()
    }

    /// Runs `work` once when the client is gone, at once when it is already.
    public func whenClosed(_ work: @escaping @Sendable () -> Void) {
        let isClosed = state.withLock { state in
            if !state.isClosed { state.onClose.append(work) }
            return state.isClosed
        }
        if isClosed { work() }
    }

    /// The same for whoever waits now: replaces the one before, so that waiting again and again adds nothing.
    func whenClosedOnce(_ work: @escaping @Sendable () -> Void) {
        let isClosed = state.withLock { state in
            state.waiter = state.isClosed ? nil : work
            return state.isClosed
        }
        if isClosed { work() }
    }

    // MARK: The server

    enum Taken: Sendable { case bytes(Int), nothing, end }

    /// Copies what waits. With `nothing`, `wake` is kept, after `sleep` was called under the lock: the producer that
    /// comes next calls it.
    func take(
        into target: UnsafeMutableRawBufferPointer, sleep: () -> Void, wake: @escaping @Sendable () -> Void
    ) -> Taken {
        let now = clock.now
        let (taken, room): (Taken, [@Sendable () -> Void]) = state.withLock { state in
            if state.isClosed { return (.end, []) }
            let count = min(target.count, state.waiting)
            guard count > 0 else {
                if state.isEnded { return (.end, []) }
                sleep()
                state.wake = wake
                return (.nothing, [])
            }
            state.buffer.withUnsafeBytes {
                target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[state.head..<state.head + count]))
            }
            state.head += count
            state.lastTaken = now
            if state.head == state.buffer.count {
                state.buffer.removeAll(keepingCapacity: state.head <= 16 << 10)
                state.head = 0
            } else if state.head > Limits.streamBytes / 4 {
                state.buffer.removeFirst(state.head)
                state.head = 0
            }
            guard state.waiting <= Limits.streamBytes / 2 else { return (.bytes(count), []) }
            defer { state.room = [] }
            return (.bytes(count), state.room)
        }
        for waiter in room { waiter() }
        return taken
    }

    /// The client is gone, or has to go.
    func close() {
        let (work, wake): ([@Sendable () -> Void], (@Sendable () -> Void)?) = state.withLock { state in
            state.isClosed = true
            state.buffer = []
            state.head = 0
            defer { (state.room, state.onClose) = ([], []) }
            let waiter = state.waiter.take().map { [$0] } ?? []
            return (state.room + state.onClose + waiter, state.wake.take())
        }
        wake?()
        for item in work { item() }
    }
}

/// Something that happens once, for one waiting task.
final class Signal: Sendable {
    private enum State: Sendable {
        case open
        case waiting(CheckedContinuation<Void, Never>)
        case fired
    }
    private let state = Lock(State.open)

    func wait() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let hasFired = state.withLock { state in
                if case .fired = state { return true }
                state = .waiting(continuation)
                return false
            }
            if hasFired { continuation.resume() }
        }
    }

    func fire() {
        let continuation: CheckedContinuation<Void, Never>? = state.withLock { state in
            defer { state = .fired }
            if case .waiting(let continuation) = state { return continuation }
            return nil
        }
        continuation?.resume()
    }
}
