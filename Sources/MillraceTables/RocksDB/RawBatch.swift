import CRocksDB
import MillraceCore

/// A RocksDB write batch in the making, as the very bytes that go into the WAL.
///
/// We write this representation ourselves (stable since LevelDB: sequence 8, count 4, both little-endian, then records
/// of tag, key and value) because it makes a commit a plain value: appending a row is a few stores instead of a C call,
/// timestamps can be filled in when the commit gets its id, and a group of commits is their concatenation.
struct RawBatch: Sendable {
    enum Tag {
        static let delete: UInt8 = 0x0
        static let put: UInt8 = 0x1
        static let merge: UInt8 = 0x2
        static let deleteRange: UInt8 = 0xF
    }
    static let headerBytes = 12

    private(set) var bytes: [UInt8]
    private(set) var count: UInt32 = 0

    init(capacity: Int = 0) {
        bytes = []
        bytes.reserveCapacity(capacity + RawBatch.headerBytes)
        bytes.append(contentsOf: repeatElement(0, count: RawBatch.headerBytes))
    }

    var isEmpty: Bool { count == 0 }
    /// Bytes of the records alone.
    var recordBytes: Int { bytes.count - RawBatch.headerBytes }

    mutating func put(_ key: some Collection<UInt8>, _ value: some Collection<UInt8>) {
        record(RawBatch.Tag.put, key, value)
    }
    mutating func merge(_ key: some Collection<UInt8>, _ value: some Collection<UInt8>) {
        record(RawBatch.Tag.merge, key, value)
    }
    mutating func delete(_ key: some Collection<UInt8>) {
        count += 1
        bytes.append(RawBatch.Tag.delete)
        slice(key)
    }
    mutating func deleteRange(_ range: KeyRange) {
        record(RawBatch.Tag.deleteRange, range.lower, range.upper)
    }

    @inline(__always)
    mutating func record(_ tag: UInt8, _ key: some Collection<UInt8>, _ value: some Collection<UInt8>) {
        count += 1
        bytes.append(tag)
        slice(key)
        slice(value)
    }

    @inline(__always)
    private mutating func slice(_ part: some Collection<UInt8>) {
        length(part.count)
        bytes.append(contentsOf: part)
    }

    @inline(__always)
    mutating func length(_ value: Int) {
        var rest = UInt32(value)
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// A record under way, written in place behind the others. It has the batch's bytes until it is closed or
    /// cancelled.
    struct Record {
        fileprivate let start: Int
        fileprivate var value = 0
        /// Where key and value are written.
        var row = RowWriter()

        fileprivate init(at start: Int) { self.start = start }

        /// Bytes of the batch so far.
        var end: Int { row.writer.count }
        /// Bytes of the record so far.
        var count: Int { end - start }
        /// Lends the key, before `beginValue`.
        func key<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
            row.writer.bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[(start + 2)...])) }
        }
        /// The key is whole; what follows is the value.
        mutating func beginValue() {
            row.writer.close(lengthAt: start + 1)
            row.writer.byte(0)
            value = row.writer.count
        }
    }

    mutating func open(_ tag: UInt8) -> Record {
        var record = Record(at: bytes.count)
        swap(&record.row.writer.bytes, &bytes)
        record.row.writer.byte(tag)
        record.row.writer.byte(0)
        return record
    }

    /// - Returns: where the record's tag and its value stand.
    mutating func close(_ record: inout Record) -> (tag: Int, value: Int) {
        let size = record.row.writer.count - record.value
        record.row.writer.close(lengthAt: record.value - 1)
        swap(&record.row.writer.bytes, &bytes)
        count += 1
        return (record.start, bytes.count - size)
    }

    mutating func cancel(_ record: inout Record) {
        swap(&record.row.writer.bytes, &bytes)
        bytes.removeLast(bytes.count - record.start)
    }

    mutating func append(_ other: borrowing RawBatch) {
        bytes.append(contentsOf: other.bytes[RawBatch.headerBytes...])
        count += other.count
    }

    mutating func removeAll() {
        bytes.removeLast(bytes.count - RawBatch.headerBytes)
        count = 0
    }

    /// Records without a header, to be counted by `add`.
    mutating func append(raw records: ArraySlice<UInt8>) { bytes.append(contentsOf: records) }
    mutating func add(count: UInt32) { self.count += count }

    /// For overwriting what is only known at the commit.
    mutating func patching(_ body: (UnsafeMutableRawBufferPointer) -> Void) { bytes.withUnsafeMutableBytes(body) }

    /// RocksDB's own object, to be destroyed by the caller.
    mutating func native() -> OpaquePointer {
        let count = self.count
        return bytes.withUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: count.littleEndian, toByteOffset: 8, as: UInt32.self)
            return rocksdb_writebatch_create_from(UnsafeRawBufferPointer(bytes).chars, bytes.count)
        }
    }
}
