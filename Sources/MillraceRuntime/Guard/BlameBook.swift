internal import CPlatform
public import MillraceCore

/// The guarded process's side of a guard: it notes what it is about to run, and learns what it must not run.
public final class BlameBook: Sendable {
    /// What the deaths before this process have taught.
    public let ledger: BlameLedger
    private let page: BlamePage
    private let claimed = Lock<[BlamePage.Identity: Int]>([:])

    static func pagePath(_ directory: String) -> String { directory + "/guard.page" }
    static func ledgerPath(_ directory: String) -> String { directory + "/guard.ledger" }

    /// Called once in a process that was started by a guard, with the directory the guard named.
    public init(directory: String, storage: any Storage) throws(Failure) {
        page = try BlamePage(path: Self.pagePath(directory), create: false)
        ledger = try BlameLedger.read(Self.ledgerPath(directory), storage)
        mr_blame_install()
        mr_die_with_parent()
        page.beat()
    }

    /// The slot of a task. Taken again by the same task after a restart.
    public func slot(pipeline: String, stage: Int, partition: Int) throws(Failure) -> BlameSlot {
        let identity = BlamePage.Identity(pipeline: pipeline, stage: stage, partition: partition)
        let index: Int? = claimed.withLock { claimed in
            if let index = claimed[identity] { return index }
            guard claimed.count < page.slots else { return nil }
            let index = claimed.count
            claimed[identity] = index
            page.claim(index, identity)
            return index
        }
        guard let index else {
            throw Failure(.limitReached, "a guarded node runs at most \(page.slots) tasks", place: pipeline)
        }
        return BlameSlot(page: page, index: index)
    }

    /// Ends this process as if the task had trapped: its own code does not come back, and what it has in hand is to be
    /// blamed. Does nothing when the task is not in user code.
    public func die(blaming pipeline: String, stage: Int, partition: Int) {
        let identity = BlamePage.Identity(pipeline: pipeline, stage: stage, partition: partition)
        guard let index = claimed.withLock({ $0[identity] }), page.isInUserCode(index) else { return }
        page.trapWord(index).pointee = 1
        mr_kill_self()
    }

    /// Beats until the clock ends: from the moment a beat is missing for `Limits.heartbeatLost` the guard kills.
    /// - Parameter isAlive: says whether the node gets on; without it only the clock's thread is watched.
    public func keepBeating(on clock: any RuntimeClock, isAlive: @escaping @Sendable () -> Bool = { true }) {
        if isAlive() { page.beat() }
        _ = clock.schedule(at: clock.now + Limits.heartbeat) { [weak clock, self] in
            if let clock { keepBeating(on: clock, isAlive: isAlive) }
        }
    }
}

/// One task's slot. Used by the task's thread only.
public struct BlameSlot: Sendable {
    private let page: BlamePage
    private let index: Int

    init(page: BlamePage, index: Int) { (self.page, self.index) = (page, index) }

    /// Before user code sees the records `from ... through`. A few nanoseconds.
    public func enter(from: Int64, through: Int64) {
        page.enter(index, from: from, through: through)
        mr_blame_thread(page.trapWord(index))
    }

    /// After user code has returned.
    public func leave() {
        mr_blame_thread(nil)
        page.leave(index)
    }
}

extension BlameLedger {
    /// A missing ledger is an empty one.
    static func read(_ path: String, _ storage: any Storage) throws(Failure) -> BlameLedger {
        let bytes: [UInt8]?
        do throws(IOFault) { bytes = try storage.contents(of: path, limit: 16 << 20) } catch {
            throw Failure(error, "the guard's ledger cannot be read")
        }
        return try bytes.map { (bytes) throws(Failure) in try BlameLedger(decoding: bytes) } ?? BlameLedger()
    }
}
