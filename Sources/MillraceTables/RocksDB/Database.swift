import CRocksDB
import MillraceCore

/// One open RocksDB. Closed when the last reference goes, which snapshots and cursors hold too, so they are always
/// gone before it.
///
/// Every call may block on the disk: callers are threads we own, never the cooperative pool.
final class Database: @unchecked Sendable {
    // Sendable because RocksDB's handle and its const option objects may be used from any thread at once, and nothing
    // here changes after `init`.
    let handle: OpaquePointer
    let directory: String
    private let native: NativeOptions
    private let synced: OpaquePointer
    private let unsynced: OpaquePointer
    let reading: OpaquePointer

    init(_ directory: String, _ options: DatabaseOptions, purge: PurgeRules) throws(Failure) {
        let native = NativeOptions(options, purge: purge)
        let opened: OpaquePointer? = try calling("opening the tables", at: directory) { error -> OpaquePointer? in
            options.readOnly
                ? rocksdb_open_for_read_only(native.options, directory, 0, error)
                : rocksdb_open(native.options, directory, error)
        }
        guard let opened else { preconditionFailure("RocksDB gave neither a database nor an error") }
        handle = opened
        self.directory = directory
        self.native = native
        synced = rocksdb_writeoptions_create()
        rocksdb_writeoptions_set_sync(synced, 1)
        unsynced = rocksdb_writeoptions_create()
        reading = rocksdb_readoptions_create()
    }

    deinit {
        rocksdb_readoptions_destroy(reading)
        rocksdb_writeoptions_destroy(unsynced)
        rocksdb_writeoptions_destroy(synced)
        rocksdb_close(handle)
        withExtendedLifetime(native) {}
    }

    /// Applies a whole batch, atomically. With `sync` it is on the disk when this returns.
    func write(_ batch: inout RawBatch, sync: Bool) throws(Failure) {
        let native = batch.native()
        defer { rocksdb_writebatch_destroy(native) }
        try calling("committing", at: directory) { error in
            rocksdb_write(handle, sync ? synced : unsynced, native, error)
        }
    }

    /// Lends the value of a key, or `nil`, without copying it.
    @inline(__always)
    func get<R>(
        _ key: UnsafeRawBufferPointer, _ snapshot: DatabaseSnapshot? = nil,
        _ body: (UnsafeRawBufferPointer?) throws(Failure) -> R
    ) throws(Failure) -> R {
        let pinned: OpaquePointer? = try calling("reading", at: directory) { error -> OpaquePointer? in
            rocksdb_get_pinned(
                handle, snapshot?.reading ?? reading, key.baseAddress?.assumingMemoryBound(to: CChar.self), key.count,
                error)
        }
        guard let pinned else { return try body(nil) }
        defer { rocksdb_pinnableslice_destroy(pinned) }
        var length = 0
        let bytes = rocksdb_pinnableslice_value(pinned, &length)
        return try body(UnsafeRawBufferPointer(start: bytes, count: length))
    }

    func value(_ key: [UInt8], _ snapshot: DatabaseSnapshot? = nil) throws(Failure) -> [UInt8]? {
        try key.lending { (key) throws(Failure) in
            try get(key, snapshot) { (value) throws(Failure) in value.map { Array($0) } }
        }
    }

    var latestSequence: UInt64 { rocksdb_get_latest_sequence_number(handle) }

    /// Moves the memtable into an SST and waits for it.
    func flush() throws(Failure) {
        let options = rocksdb_flushoptions_create()
        defer { rocksdb_flushoptions_destroy(options) }
        rocksdb_flushoptions_set_wait(options, 1)
        try calling("flushing", at: directory) { error in rocksdb_flush(handle, options, error) }
    }

    /// Rewrites a key range down to the last level, so that what may be purged is purged. Ends early after
    /// `stopCompacting`.
    ///
    /// - Parameter exclusive: RocksDB's own compactions wait meanwhile.
    func compact(_ range: KeyRange, exclusive: Bool = true) {
        let options = rocksdb_compactoptions_create()
        defer { rocksdb_compactoptions_destroy(options) }
        rocksdb_compactoptions_set_exclusive_manual_compaction(options, exclusive ? 1 : 0)
        // 2 forces the last level to be rewritten too; else the filter would not see it.
        rocksdb_compactoptions_set_bottommost_level_compaction(options, 2)
        range.lending { lower, upper in
            rocksdb_compact_range_opt(handle, options, lower.chars, lower.count, upper.chars, upper.count)
        }
    }

    /// Ends `compact` soon, wherever it runs, for good: for closing.
    func stopCompacting() { rocksdb_disable_manual_compaction(handle) }

    /// Entries and deletions in the files that overlap a range.
    func deletions(in range: KeyRange) -> (entries: UInt64, deletions: UInt64) {
        guard let files = rocksdb_livefiles(handle) else { return (0, 0) }
        defer { rocksdb_livefiles_destroy(files) }
        var sum: (entries: UInt64, deletions: UInt64) = (0, 0)
        for index in 0..<rocksdb_livefiles_count(files) {
            var (low, high) = (0, 0)
            let first = rocksdb_livefiles_smallestkey(files, index, &low)
            let last = rocksdb_livefiles_largestkey(files, index, &high)
            let isOutside =
                range.upper.withUnsafeBytes { UnsafeRawBufferPointer(start: first, count: low).order($0) >= 0 }
                || range.lower.withUnsafeBytes { UnsafeRawBufferPointer(start: last, count: high).order($0) < 0 }
            if isOutside { continue }
            sum.entries += rocksdb_livefiles_entries(files, index)
            sum.deletions += rocksdb_livefiles_deletions(files, index)
        }
        return sum
    }

    /// Drops the SST files that lie wholly inside a range, its upper end included: space comes back at once. What
    /// straddles an end stays.
    func deleteFiles(in range: KeyRange) throws(Failure) {
        try range.lending { (lower, upper) throws(Failure) in
            try calling("dropping files", at: directory) { error in
                rocksdb_delete_file_in_range(handle, lower.chars, lower.count, upper.chars, upper.count, error)
            }
        }
    }

    /// Bytes of a range in files; an estimate.
    func approximateBytes(of range: KeyRange) throws(Failure) -> UInt64 {
        try range.lending { (lower, upper) throws(Failure) in
            var size: UInt64 = 0
            var first: UnsafePointer<CChar>? = lower.chars
            var last: UnsafePointer<CChar>? = upper.chars
            var firstLength = lower.count, lastLength = upper.count
            try calling("estimating", at: directory) { error in
                rocksdb_approximate_sizes(handle, 1, &first, &firstLength, &last, &lastLength, &size, error)
            }
            return size
        }
    }

    /// A hard-linked copy of everything committed so far. The memtable is flushed first: a checkpoint that links a
    /// WAL does not sync it (fixed in 9.4).
    func checkpoint(into path: String) throws(Failure) {
        try flush()
        let made: OpaquePointer? = try calling("preparing a snapshot", at: directory) { error -> OpaquePointer? in
            rocksdb_checkpoint_object_create(handle, error)
        }
        guard let checkpoint = made else { preconditionFailure("RocksDB gave neither a checkpoint nor an error") }
        defer { rocksdb_checkpoint_object_destroy(checkpoint) }
        try calling("making a snapshot", at: path) { error in
            rocksdb_checkpoint_create(checkpoint, path, 0, error)
        }
    }

    func property(_ name: String) -> UInt64? {
        var value: UInt64 = 0
        return rocksdb_property_int(handle, name, &value) == 0 ? value : nil
    }

    var cacheBytes: Int { native.cacheBytes }
}

/// A moment of the database. Released when the last reference goes.
final class DatabaseSnapshot: @unchecked Sendable {
    // Sendable because a snapshot is immutable and reading through one is safe from any thread.
    let database: Database
    private let handle: OpaquePointer
    let reading: OpaquePointer

    init(_ database: Database) {
        self.database = database
        handle = rocksdb_create_snapshot(database.handle)
        reading = rocksdb_readoptions_create()
        rocksdb_readoptions_set_snapshot(reading, handle)
    }

    /// Makes other read options read at this moment; the snapshot has to outlive them.
    func attach(to options: OpaquePointer) { rocksdb_readoptions_set_snapshot(options, handle) }

    deinit {
        rocksdb_readoptions_destroy(reading)
        rocksdb_release_snapshot(database.handle, handle)
    }
}

extension UnsafeRawBufferPointer {
    var chars: UnsafePointer<CChar>? { baseAddress?.assumingMemoryBound(to: CChar.self) }
}
