import CRocksDB
import MillraceCore

/// Walks the keys of a range, either way. Owns its copy of the bounds, which RocksDB keeps pointing into.
///
/// One thread at a time. Holds the snapshot (and so the database) as long as it lives.
final class DatabaseCursor {
    private let iterator: OpaquePointer
    private let reading: OpaquePointer
    private let bounds: UnsafeMutableRawBufferPointer
    private let snapshot: DatabaseSnapshot

    /// Before the first seek and at the end: false.
    private(set) var isValid = false
    /// Lent until the next move.
    private(set) var key = UnsafeRawBufferPointer(start: nil, count: 0)
    /// Lent until the next move.
    private(set) var value = UnsafeRawBufferPointer(start: nil, count: 0)

    /// - Parameter bulk: for walks over much more than the cache holds: reads ahead, and leaves the cache alone.
    init(_ snapshot: DatabaseSnapshot, _ range: KeyRange, bulk: Bool = false, verify: Bool = true) {
        self.snapshot = snapshot
        bounds = .allocate(byteCount: max(1, range.lower.count + range.upper.count), alignment: 1)
        bounds.copyBytes(from: range.lower)
        UnsafeMutableRawBufferPointer(rebasing: bounds[range.lower.count...]).copyBytes(from: range.upper)
        let chars = bounds.baseAddress?.assumingMemoryBound(to: CChar.self)
        reading = rocksdb_readoptions_create()
        snapshot.attach(to: reading)
        rocksdb_readoptions_set_iterate_lower_bound(reading, chars, range.lower.count)
        rocksdb_readoptions_set_iterate_upper_bound(
            reading, chars.map { $0 + range.lower.count }, range.upper.count)
        rocksdb_readoptions_set_verify_checksums(reading, verify ? 1 : 0)
        if bulk {
            rocksdb_readoptions_set_fill_cache(reading, 0)
            rocksdb_readoptions_set_readahead_size(reading, 1 << 20)
        }
        iterator = rocksdb_create_iterator(snapshot.database.handle, reading)
    }

    deinit {
        rocksdb_iter_destroy(iterator)
        rocksdb_readoptions_destroy(reading)
        bounds.deallocate()
    }

    func seekToFirst() {
        rocksdb_iter_seek_to_first(iterator)
        look()
    }
    func seekToLast() {
        rocksdb_iter_seek_to_last(iterator)
        look()
    }
    /// To the first key at or after.
    func seek(_ key: [UInt8]) {
        key.withUnsafeBytes { rocksdb_iter_seek(iterator, $0.chars, $0.count) }
        look()
    }
    func next() {
        rocksdb_iter_next(iterator)
        look()
    }
    func previous() {
        rocksdb_iter_prev(iterator)
        look()
    }

    /// Asks RocksDB once for each move where it stands.
    @inline(__always)
    private func look() {
        isValid = rocksdb_iter_valid(iterator) != 0
        guard isValid else { return }
        var length = 0
        let first = rocksdb_iter_key(iterator, &length)
        key = UnsafeRawBufferPointer(start: first, count: length)
        let start = rocksdb_iter_value(iterator, &length)
        value = UnsafeRawBufferPointer(start: start, count: length)
    }

    /// To be asked whenever `isValid` turned false: the end of the range, or an error that looked like it.
    func check() throws(Failure) {
        try calling("scanning", at: snapshot.database.directory) { error in rocksdb_iter_get_error(iterator, error) }
    }
}
