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

    var isValid: Bool { rocksdb_iter_valid(iterator) != 0 }

    func seekToFirst() { rocksdb_iter_seek_to_first(iterator) }
    func seekToLast() { rocksdb_iter_seek_to_last(iterator) }
    /// To the first key at or after.
    func seek(_ key: [UInt8]) { key.withUnsafeBytes { rocksdb_iter_seek(iterator, $0.chars, $0.count) } }
    /// To the last key at or before.
    func seekBackwards(_ key: [UInt8]) {
        key.withUnsafeBytes { rocksdb_iter_seek_for_prev(iterator, $0.chars, $0.count) }
    }
    func next() { rocksdb_iter_next(iterator) }
    func previous() { rocksdb_iter_prev(iterator) }

    /// Lent until the next move.
    var key: UnsafeRawBufferPointer {
        var length = 0
        let bytes = rocksdb_iter_key(iterator, &length)
        return UnsafeRawBufferPointer(start: bytes, count: length)
    }
    /// Lent until the next move.
    var value: UnsafeRawBufferPointer {
        var length = 0
        let bytes = rocksdb_iter_value(iterator, &length)
        return UnsafeRawBufferPointer(start: bytes, count: length)
    }

    /// To be asked whenever `isValid` turned false: the end of the range, or an error that looked like it.
    func check() throws(Failure) {
        try calling("scanning", at: snapshot.database.directory) { error in rocksdb_iter_get_error(iterator, error) }
    }
}
