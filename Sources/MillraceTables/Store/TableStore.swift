public import MillraceCore
internal import Synchronization

/// The tables of a node: keyspaces, rows and the opaque state of pipelines, in one directory, committed together.
///
/// Every call that reads or writes may block on the disk: call from threads we own, never from the cooperative pool.
/// Thread-safe. Order of closing: `close` refuses new calls; RocksDB itself closes when the last snapshot or cursor
/// that somebody still holds is gone.
public final class TableStore: Sendable {
    public let directory: String
    public let clock: any RuntimeClock
    let options: TableStoreOptions
    let storage: any Storage
    let purge: PurgeRules
    let feed: ChangeFeed
    let catalog: Lock<Catalog>
    let stamps: Lock<HybridClock>
    /// The open database, and why there is none.
    let handle: Lock<Handle>
    /// One schema change at a time; held across its commit.
    let schemaChange = Turnstile()
    private let line = CommitterBox()
    /// Bytes of recent commits: the next one asks for as many at once, instead of growing into them.
    private let usualBytes = Atomic(512)
    /// Times the durable mark could not be written: detection of loss is then behind, nothing else.
    let markFailures = Counter()
    let commits = Counter()
    let groups = Counter()
    /// When each table is worth the next look for what is dead. The upkeep's thread alone changes it.
    let plans = Lock<[UInt32: UpkeepPlan]>([:])
    let care: Upkeep?

    enum Handle {
        case open(Database)
        case fenced(Failure)
        case closed
    }

    /// Opens the store, or makes one.
    ///
    /// Refuses with `corrupt` when the files end before the last acknowledged commit, instead of serving older state.
    public static func open(
        directory: String, options: TableStoreOptions = TableStoreOptions(), clock: any RuntimeClock,
        storage: any Storage = PosixStorage()
    ) throws(Failure) -> TableStore {
        let store = TableStore(directory, options, clock, storage)
        try store.start()
        store.care?.start(store)
        return store
    }

    private init(
        _ directory: String, _ options: TableStoreOptions, _ clock: any RuntimeClock, _ storage: any Storage
    ) {
        (self.directory, self.options, self.clock, self.storage) = (directory, options, clock, storage)
        purge = PurgeRules(clock: clock, commitRetention: options.commitRetention)
        feed = ChangeFeed(capacity: options.feedBytes)
        catalog = Lock(Catalog())
        stamps = Lock(HybridClock(last: 0))
        handle = Lock(.closed)
        care = options.readOnly ? nil : options.upkeepInterval.map { Upkeep(clock: clock, interval: $0) }
    }

    deinit { care?.stop(waits: false) }

    var rocksDirectory: String { directory + "/rows" }
    var markPath: String { directory + "/mark" }

    /// Opens or reopens everything below. Called once at open, and by `reopen` with nothing open.
    func start() throws(Failure) {
        var mark: DurableMark?
        do throws(IOFault) {
            if !options.readOnly {
                try storage.makeDirectory(directory)
                mark = try DurableMark.open(markPath, storage, now: clock.now)
            }
        } catch {
            throw Failure(error, "the tables' directory cannot be used", place: directory)
        }
        if let mark { try checkLogs(against: mark.position) }
        let database = try Database(rocksDirectory, options.database, purge: purge)
        if let mark { try check(database, against: mark.position) }
        let loaded = try Catalog.load(
            database, clock: clock, readOnly: options.readOnly, keeping: catalog.withLock { $0.facts })
        for table in loaded.tables.values { purge.set(table.id, PurgeRules.Table(table)) }
        catalog.withLock { $0 = loaded }
        let last = max(try TableStore.lastCommit(database), mark?.position.commit ?? 0)
        stamps.withLock { $0.raise(to: last) }
        feed.begin(after: last)
        line.install(Applier(store: self, database: database, mark: mark, lastCommit: last))
        handle.withLock { $0 = .open(database) }
    }

    /// After a failed write: closes what is left and opens the store again. The outcome of commits that failed is then
    /// known by reading. Waits up to `Limits.reopenWait` for readers to let go of the old handle.
    public func reopen() throws(Failure) {
        weak let old = handle.withLock { state in
            defer { state = .closed }
            if case .open(let database) = state { return database }
            return nil
        }
        old?.stopCompacting()
        line.retire()
        let deadline = clock.now + Limits.reopenWait
        while old != nil, clock.now < deadline { pause(milliseconds: 1) }
        do throws(Failure) {
            try start()
        } catch {
            handle.withLock { $0 = .fenced(error) }
            throw error
        }
    }

    /// Refuses every later call. Acknowledged commits are on the disk already.
    public func close() {
        feed.close()
        let database = handle.withLock { state -> Database? in
            defer { state = .closed }
            if case .open(let database) = state { return database }
            return nil
        }
        database?.stopCompacting()
        care?.stop(waits: true)
        line.retire()
    }

    /// What the store's own upkeep met the last time, if anything. It is tried again at the next interval.
    public var upkeepFailure: Failure? { care?.failure }

    // MARK: Commits

    /// A commit to fill.
    public func begin(ties: Commit.Ties = .byValue) -> Commit {
        let wall = clock.wall
        return Commit(
            ties: ties, stamp: stamps.withLock { $0.next(wall: wall) }, wall: wall,
            capacity: usualBytes.load(ordering: .relaxed))
    }

    /// Makes everything in the commit true at once, and returns when it is on the disk. Concurrent calls share syncs.
    ///
    /// - Parameter synced: when false a crash may lose the commit, but only whole and only with all that came after it.
    /// - Throws: after `io`, `diskFull` or `corrupt` the outcome is unknown and the store is fenced until `reopen`.
    @discardableResult
    public func commit(_ commit: consuming Commit, synced: Bool = true) throws(Failure) -> CommitID {
        guard commit.conditions.isEmpty else {
            throw Failure(.invalidArgument, "a commit with conditions may be refused", advice: "Call attempt")
        }
        switch try attempt(commit, synced: synced) {
        case .applied(let id): return id
        case .refused: preconditionFailure("a commit without conditions was refused")
        }
    }

    /// As `commit`, for one with conditions.
    public func attempt(_ commit: consuming Commit, synced: Bool = true) throws(Failure) -> Attempt {
        if options.readOnly {
            throw Failure(.invalidArgument, "a kept snapshot cannot be written to", place: directory)
        }
        // Small ones among large ones do not hide these; what is large once is forgotten after some commits.
        let usual = max(commit.byteCount + Limits.commitTrailer, usualBytes.load(ordering: .relaxed) / 8 * 7)
        usualBytes.store(min(usual, Limits.groupBytes), ordering: .relaxed)
        return try line.committer().submit(commit, isSynced: synced)
    }

    /// Runs `work` while nobody writes.
    func exclusively(_ work: @escaping @Sendable (Database) throws(Failure) -> Void) throws(Failure) {
        try line.committer().exclusively(begin(), work)
    }

    /// What `Commit.setProvenance` noted for a commit, as long as `TableStoreOptions.commitRetention` says.
    public func provenance(of id: CommitID) throws(Failure) -> [UInt8]? {
        try database().value(Layout.commitKey(id.microseconds))
    }

    /// The open database, or why there is none.
    func database() throws(Failure) -> Database {
        let state = handle.withLock { $0 }
        switch state {
        case .open(let database): return database
        case .fenced(let failure):
            throw Failure(
                .fenced, "the tables were closed after a failure", advice: "Call reopen", place: directory,
                cause: failure, isFatal: true)
        case .closed: throw Failure(.closed, "the tables are closed", place: directory)
        }
    }

    /// No more writes through this handle. Reads go on until `reopen`.
    func fence(_ failure: Failure) { line.fence(failure, directory) }

    private static func lastCommit(_ database: Database) throws(Failure) -> Int64 {
        guard let bytes = try database.value(Layout.clockKey) else { return 0 }
        guard bytes.count == 8 else { throw Failure(.corrupt, "the last commit's id has \(bytes.count) bytes") }
        return bytes.withUnsafeBytes { Int64(bigEndian: $0.loadUnaligned(as: Int64.self)) }
    }
}

/// The committer of the handle that is open now.
final class CommitterBox: Sendable {
    private enum State {
        case none
        case open(Committer)
        case fenced(Failure)
    }
    private let state = Lock(State.none)

    func install(_ applier: Applier) {
        let committer = Committer { applier.apply($0) }
        state.withLock { $0 = .open(committer) }
    }
    func retire() { state.withLock { $0 = .none } }
    func fence(_ failure: Failure, _ place: String) {
        let reason = Failure(
            .fenced, "no more writes after a failed one", advice: "Call reopen", place: place, cause: failure,
            isFatal: true)
        state.withLock { $0 = .fenced(reason) }
    }
    func committer() throws(Failure) -> Committer {
        let state = state.withLock { $0 }
        switch state {
        case .open(let committer): return committer
        case .fenced(let failure): throw failure
        case .none: throw Failure(.closed, "the tables are closed")
        }
    }
}
