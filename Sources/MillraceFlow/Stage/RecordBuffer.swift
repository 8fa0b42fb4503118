public import MillraceCore

/// Records to be written to a log, in one flat buffer that is reused.
public struct RecordBuffer: Sendable {
    @usableFromInline struct Entry: Sendable {
        @usableFromInline var hash: UInt64
        @usableFromInline var time: EventTime
        @usableFromInline var start: Int
        /// -1 for a record without a key.
        @usableFromInline var keyCount: Int
        @usableFromInline var valueCount: Int
        @inlinable init(hash: UInt64, time: EventTime, start: Int, keyCount: Int, valueCount: Int) {
            (self.hash, self.time, self.start) = (hash, time, start)
            (self.keyCount, self.valueCount) = (keyCount, valueCount)
        }
    }
    /// A record lent for the length of a call.
    public struct View {
        /// Picks the partition: `hash % partitions`.
        public var hash: UInt64
        public var time: EventTime
        public var key: UnsafeRawBufferPointer?
        public var value: UnsafeRawBufferPointer
    }

    @usableFromInline var bytes = ByteWriter()
    @usableFromInline var entries: [Entry] = []

    @inlinable public init() {}
    @inlinable public var count: Int { entries.count }
    @inlinable public var isEmpty: Bool { entries.isEmpty }
    @inlinable public var byteCount: Int { bytes.count }

    @inlinable public mutating func append(_ record: some ShuffleRecord, at time: EventTime) {
        let start = bytes.count
        var value = ByteWriter()
        swap(&value, &scratch)
        value.removeAll()
        record.encode(key: &bytes, value: &value, time: time)
        let keyCount = bytes.count - start
        bytes.raw(value.bytes)
        swap(&value, &scratch)
        entries.append(
            Entry(
                hash: record.partitionHash, time: time, start: start, keyCount: keyCount,
                valueCount: bytes.count - start - keyCount))
    }
    @usableFromInline var scratch = ByteWriter()

    @inlinable public mutating func append(_ record: some Record, at time: EventTime) {
        let start = bytes.count
        let hasKey = record.encodeKey(into: &bytes)
        let keyCount = bytes.count - start
        let hash = bytes.bytes.withUnsafeBytes {
            KeyHash.bytes(UnsafeRawBufferPointer(rebasing: $0[start...]), seed: 0)
        }
        record.encode(into: &bytes)
        entries.append(
            Entry(
                hash: hash, time: time, start: start, keyCount: hasKey ? keyCount : -1,
                valueCount: bytes.count - start - keyCount))
    }

    public mutating func append(contentsOf other: RecordBuffer) {
        let base = bytes.count
        bytes.raw(other.bytes.bytes)
        for var entry in other.entries {
            entry.start += base
            entries.append(entry)
        }
    }

    public func forEach(_ body: (View) throws -> Void) rethrows {
        try bytes.bytes.withUnsafeBytes { all in
            for e in entries {
                let keyEnd = e.start + max(0, e.keyCount)
                try body(
                    View(
                        hash: e.hash, time: e.time,
                        key: e.keyCount < 0 ? nil : UnsafeRawBufferPointer(rebasing: all[e.start..<keyEnd]),
                        value: UnsafeRawBufferPointer(rebasing: all[keyEnd..<keyEnd + e.valueCount])))
            }
        }
    }

    @inlinable public mutating func removeAll() {
        bytes.removeAll()
        entries.removeAll(keepingCapacity: true)
    }
    /// Takes back what was added after there were `count` records: a record that failed half-way leaves nothing.
    @inlinable public mutating func truncate(to count: Int) {
        guard count < entries.count else { return }
        bytes.bytes.removeLast(bytes.count - entries[count].start)
        entries.removeLast(entries.count - count)
    }
}
