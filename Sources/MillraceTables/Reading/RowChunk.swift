import MillraceCore

/// The static columns of a partition, as stored, with the deletion over them. Checked.
final class StaticRow: Sendable {
    let bytes: [UInt8]
    let outer: Deletion
    init(bytes: [UInt8], outer: Deletion) { (self.bytes, self.outer) = (bytes, outer) }
}

/// Bytes of rows that a read has copied, in one piece of memory. The header never changes; behind the rows that were
/// handed out one `RowArena` writes.
final class RowChunk: ManagedBuffer<RowChunk.Shared, UInt8> {
    /// What its rows have in common.
    struct Shared: Sendable {
        let context: ReadContext
        let statics: StaticRow?
    }
    /// Nothing changes it, so nobody has to ask for leave to read it.
    @inline(__always) var context: ReadContext { withUnsafeMutablePointerToHeader { $0.pointee.context } }
    @inline(__always) var statics: StaticRow? { withUnsafeMutablePointerToHeader { $0.pointee.statics } }

    static func make(_ capacity: Int, _ shared: Shared) -> RowChunk {
        unsafeDowncast(RowChunk.create(minimumCapacity: capacity) { _ in shared }, to: RowChunk.self)
    }

    /// Lent as long as the chunk is held.
    @inline(__always)
    func bytes(from start: Int, count: Int) -> UnsafeRawBufferPointer {
        withUnsafeMutablePointerToElements { UnsafeRawBufferPointer(start: $0 + start, count: count) }
    }

    @inline(__always)
    fileprivate func write(_ bytes: UnsafeRawBufferPointer, at position: Int) {
        guard let base = bytes.baseAddress else { return }
        withUnsafeMutablePointerToElements {
            UnsafeMutableRawPointer($0 + position).copyMemory(from: base, byteCount: bytes.count)
        }
    }
}

/// Where a read puts the rows it hands out: chunk after chunk, each twice as large as the one before, so that a single
/// row costs its own bytes and many cost no allocation each.
struct RowArena {
    private let context: ReadContext
    private var chunk: RowChunk?
    private var used = 0
    private var capacity = 0
    /// Of the rows in the chunk.
    private var statics: StaticRow?

    init(_ context: ReadContext) { self.context = context }

    /// Looks a row through, copies it and hands it out.
    ///
    /// - Parameter isLast: no more rows will come, so there is no room to be kept for them.
    @inline(__always)
    mutating func row(
        key: UnsafeRawBufferPointer, split: Int, stored: UnsafeRawBufferPointer, outer: Deletion,
        _ statics: StaticRow?, isLast: Bool = false
    ) throws(Failure) -> Row {
        try context.check(stored, outer)
        try context.check(clustering: UnsafeRawBufferPointer(rebasing: key[(split + 1)...]))
        return copy(key: key, split: split, stored: stored, outer: outer, statics, isLast: isLast)
    }

    /// A row that stands for its partition's static columns alone.
    mutating func row(partition: [UInt8], _ statics: StaticRow?) -> Row {
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        return partition.lending { key in
            copy(key: key, split: key.count, stored: nothing, outer: .none, statics, isLast: false)
        }
    }

    @inline(__always)
    private mutating func copy(
        key: UnsafeRawBufferPointer, split: Int, stored: UnsafeRawBufferPointer, outer: Deletion,
        _ statics: StaticRow?, isLast: Bool
    ) -> Row {
        let count = key.count + stored.count
        let place: RowChunk
        if let chunk, used + count <= capacity, self.statics === statics {
            place = chunk
        } else {
            place = open(statics, count, isLast: isLast)
        }
        let start = used
        place.write(key, at: start)
        place.write(stored, at: start + key.count)
        used = start + count
        return Row(
            chunk: place, start: UInt32(start), split: UInt32(split), keyCount: UInt32(key.count),
            storedCount: UInt32(stored.count), outer: outer)
    }

    private mutating func open(_ statics: StaticRow?, _ count: Int, isLast: Bool) -> RowChunk {
        let doubled = min(max(2 * capacity, Limits.rowChunkLeast), Limits.rowChunkBytes)
        (used, capacity) = (0, isLast ? count : max(count, doubled))
        let made = RowChunk.make(capacity, RowChunk.Shared(context: context, statics: statics))
        (chunk, self.statics) = (made, statics)
        return made
    }
}
