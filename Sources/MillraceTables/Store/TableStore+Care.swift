public import MillraceCore
internal import Synchronization

/// What an operator does with the files.
extension TableStore {
    /// Moves everything in memory into files.
    public func flush() throws(Failure) { try database().flush() }

    /// Rewrites everything, or one table, down to the last level: what has expired or was deleted leaves the disk, in
    /// tables with a tombstone grace only by `purge`. Takes as long as copying the data does.
    public func compact(_ table: StoredTable? = nil) throws(Failure) {
        let database = try database()
        let range = table?.rows ?? Layout.everything
        try database.flush()
        let bare = purge.bare
        database.compact(range)
        // What merging emptied the filter has not seen yet.
        if purge.bare > bare { database.compact(range) }
    }

    /// Forgets for good what may be forgotten of a table: expired cells, deletions whose grace is over, dropped
    /// columns. The store does so by itself when it is worth it (`TableStoreOptions.upkeepInterval`); this does it
    /// now, to the last byte, and copies the table's data.
    public func purge(_ table: StoredTable) throws(Failure) {
        if table.facts.hasRanges.load(ordering: .acquiring) { try sweep(table) }
        guard table.facts.mayDie.load(ordering: .relaxed) else { return }
        try flush()
        let findings = try PurgeWalk(store: self, table: table) { true }.run()
        let deletions = try database().deletions(in: table.rows).deletions
        if findings.span != nil || deletions > 0 { try compact(table) }
    }

    /// Bytes in files, and rows, of a table. Estimates, but a few rows are counted. What is only in memory so far is
    /// taken to be spread over the tables as the files are.
    public func size(of table: StoredTable) throws(Failure) -> TableSize {
        let database = try database()
        let bytes = try database.approximateBytes(of: table.rows)
        var cursor = try snapshot().rows(table, RowQuery(limit: Limits.countedRows))
        var counted = 0
        while try cursor.advance() { counted += 1 }
        if counted < Limits.countedRows { return TableSize(bytes: Int(clamping: bytes), rows: counted) }
        let keys = database.property("rocksdb.estimate-num-keys") ?? 0
        let live = try database.approximateBytes(of: Layout.everything)
        let rows = live == 0 ? 0 : Double(keys) * Double(bytes) / Double(live)
        return TableSize(bytes: Int(clamping: bytes), rows: max(counted, Int(rows)))
    }

    /// A consistent copy of everything committed so far in a new directory, hard-linked where the volume allows: it
    /// costs little until the originals are compacted away. Can be opened with `readOnly`, or restored.
    public func snapshot(into path: String) throws(Failure) {
        let database = try database()
        try TableStore.refuse(existing: path, "a snapshot is made", storage)
        do throws(IOFault) {
            try storage.makeDirectory(path)
        } catch {
            throw Failure(error, "the snapshot's directory cannot be made")
        }
        try database.checkpoint(into: path + "/rows")
        do throws(IOFault) {
            try storage.syncDirectory(path)
            try storage.syncDirectory(String.parent(of: path))
        } catch {
            throw Failure(error, "the snapshot cannot be made durable")
        }
    }

    /// Opens a kept snapshot for reading: the tables as of then.
    public static func open(
        snapshot path: String, options: TableStoreOptions = TableStoreOptions(), clock: any RuntimeClock,
        storage: any Storage = PosixStorage()
    ) throws(Failure) -> TableStore {
        var options = options
        options.readOnly = true
        return try open(directory: path, options: options, clock: clock, storage: storage)
    }

    /// Copies a snapshot into a new store's directory, which must not exist. The snapshot stays as it is.
    public static func restore(
        snapshot path: String, to directory: String, clock: any RuntimeClock, storage: any Storage = PosixStorage()
    ) throws(Failure) {
        try refuse(existing: directory + "/rows", "a snapshot is restored", storage)
        let source = try open(snapshot: path, clock: clock, storage: storage)
        defer { source.close() }
        try source.verify()
        do throws(IOFault) {
            try storage.makeDirectory(directory)
            try storage.makeDirectory(directory + "/rows")
            for name in try storage.list(path + "/rows") where name != "LOCK" && !name.hasPrefix("LOG") {
                try copy(path + "/rows/" + name, to: directory + "/rows/" + name, storage)
            }
            try storage.syncDirectory(directory + "/rows")
            try storage.syncDirectory(directory)
        } catch {
            throw Failure(error, "the snapshot cannot be restored", place: directory)
        }
    }

    private static func refuse(existing path: String, _ what: String, _ storage: any Storage) throws(Failure) {
        do throws(IOFault) {
            guard try storage.status(of: path) != nil else { return }
        } catch {
            throw Failure(error, "the directory cannot be looked at", place: path)
        }
        throw Failure(
            .alreadyExists, "\(what) into a new directory only; this one is there already", advice: "Name another one",
            place: path)
    }

    private static func copy(_ from: String, to: String, _ storage: any Storage) throws(IOFault) {
        let source = try storage.open(from, .read)
        defer { source.close() }
        let target = try storage.open(to, .createNew)
        defer { target.close() }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var position: Int64 = 0
        while true {
            let count = try buffer.reading { (bytes) throws(IOFault) in try source.read(into: bytes, at: position) }
            if count == 0 { break }
            try buffer.lending { (bytes) throws(IOFault) in
                try target.write(UnsafeRawBufferPointer(rebasing: bytes[..<count]), at: position)
            }
            position += Int64(count)
        }
        try target.sync()
    }

    /// Reads every block of every file and checks its checksum, and that every row can be read.
    ///
    /// - Parameter progress: called about every 10,000 entries with their number so far; false stops.
    @discardableResult
    public func verify(_ progress: (Int) -> Bool = { _ in true }) throws(Failure) -> Verification {
        let snapshot = try self.snapshot()
        let cursor = DatabaseCursor(snapshot.snapshot, Layout.everything, bulk: true)
        var result = Verification()
        cursor.seekToFirst()
        while let key = cursor.currentKey {
            result.entries += 1
            result.bytes += key.count + cursor.value.count
            if let space = key.first, space >= Layout.firstRowSpace, !Self.isReadable(cursor.value) {
                throw Failure(
                    .corrupt, "entry \(result.entries) cannot be read although its block's checksum is right",
                    advice: "Restore the newest snapshot", place: directory)
            }
            if result.entries % 10_000 == 0, !progress(result.entries) { return result }
            cursor.next()
        }
        try cursor.check()
        result.isComplete = true
        return result
    }

    private static func isReadable(_ value: UnsafeRawBufferPointer) -> Bool {
        do throws(RowFault) {
            if let first = value.first, first & RowFlags.kindMask == RowFlags.ranges {
                _ = try RangeDeletions.read(value)
                return true
            }
            let (head, start) = try RowHead.read(value)
            var cursor = start
            while try cursor.cell(base: head.base) != nil {}
            return true
        } catch {
            return false
        }
    }
}

public struct TableSize: Hashable, Sendable {
    public var bytes: Int
    public var rows: Int
}

public struct Verification: Hashable, Sendable {
    public var entries = 0
    public var bytes = 0
    /// False when the caller stopped it.
    public var isComplete = false
}
