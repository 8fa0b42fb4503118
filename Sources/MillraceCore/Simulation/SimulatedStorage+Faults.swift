extension SimulatedStorage {
    /// Fails the `n`-th matching call from now on (1 is the next) with `errno`, once or from then on for ever.
    ///
    /// A failed sync, of a file or a directory, also loses what it should have made durable. Any other failed call has
    /// no effect. `call` nil means any kind.
    public func fail(
        _ call: IOFault.Call? = nil, at n: Int = 1, with errno: Int32, sticky: Bool = false,
        where path: @escaping @Sendable (String) -> Bool = { _ in true }
    ) {
        plan(.fail(errno), call, at: n, sticky: sticky, where: path)
    }

    /// The `n`-th write takes only the first `bytes` and then fails with `errno`.
    public func shortenWrite(
        at n: Int = 1, to bytes: Int, with errno: Int32 = IOFault.noSpace,
        where path: @escaping @Sendable (String) -> Bool = { _ in true }
    ) {
        plan(.short(bytes, errno), .write, at: n, sticky: false, where: path)
    }

    /// The `n`-th read (or, with `call: .map`, map) gives bytes with one bit flipped; what is stored stays good.
    public func corruptRead(
        _ call: IOFault.Call = .read, at n: Int = 1, sticky: Bool = false,
        where path: @escaping @Sendable (String) -> Bool = { _ in true }
    ) {
        plan(.corrupt, call, at: n, sticky: sticky, where: path)
    }

    private func plan(
        _ effect: SimulatedFaults.Effect, _ call: IOFault.Call?, at n: Int, sticky: Bool,
        where path: @escaping @Sendable (String) -> Bool
    ) {
        precondition(n >= 1, "the next call is number 1")
        disk.withLock {
            $0.faults.plans.append(.init(call: call, path: path, countdown: n, isSticky: sticky, effect: effect))
        }
    }

    /// From the `n`-th call on (1 is the next), every call fails with `EIO` and does nothing, until `crash` or
    /// `killProcess`: the process is as good as dead, and what it does any more leaves no trace.
    public func powerOff(atCall n: Int) {
        precondition(n >= 1, "the next call is number 1")
        disk.withLock { $0.faults.powerOffAt = $0.faults.total + n }
    }
    /// The same when the code under test comes to a crash point for the `n`-th time from now.
    public func powerOff(atCrashPoint name: String, hit n: Int = 1) {
        disk.withLock { $0.faults.powerOffAtCrashPoint[name] = $0.faults.crashPointHits[name, default: 0] + n }
    }
    public func powerOff() { disk.withLock { $0.faults.isOff = true } }
    public var isOff: Bool { disk.withLock { $0.faults.isOff } }

    /// Takes back every planned fault. Counts stay; power that is off stays off.
    public func clearFaults() {
        disk.withLock { disk in
            disk.faults.plans = []
            disk.faults.powerOffAt = nil
            disk.faults.powerOffAtCrashPoint = [:]
        }
    }

    /// Calls made so far, of one kind or of all: what "fail the n-th call, n = 1, 2, …" loops over.
    public func callCount(_ call: IOFault.Call? = nil) -> Int {
        disk.withLock { disk in call.map { disk.faults.counts[$0, default: 0] } ?? disk.faults.total }
    }
    /// How often the code under test came to each crash point.
    public var crashPointHits: [String: Int] { disk.withLock { $0.faults.crashPointHits } }

    /// Bytes all files together may take; `nil` for no limit. A write beyond it takes what fits, then fails with
    /// `ENOSPC`.
    public var capacity: Int64? {
        get { disk.withLock { $0.capacity } }
        set { disk.withLock { $0.capacity = newValue } }
    }
    public var usedBytes: Int64 { disk.withLock { $0.usedBytes } }
}
