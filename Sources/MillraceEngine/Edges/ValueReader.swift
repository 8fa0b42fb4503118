public import MillraceCore
public import MillraceFlow

/// A reader whose records never were bytes: a generator, a feed of the process itself. They reach the kernel as they
/// are. One of them is written down only when it must be kept: as a dead letter, for a tap, while its key is parked.
public protocol ValueReader<Value>: SourceReader {
    associatedtype Value: Record
    /// Lends what is there, up to about `maxRecords`, in batches of at most `Limits.recordsPerBatch`.
    func read(maxRecords: Int, _ body: (ValueBatch<Value>) -> Void) throws(Failure) -> ReadOutcome
}

/// Consecutive records of a source, lent for the length of a call.
public struct ValueBatch<Value: Record> {
    /// The position of the first; the others follow one by one.
    public var first: Int64
    /// For records that bring no time of their own.
    public var time: EventTime
    public var values: UnsafeBufferPointer<Value>
    public init(first: Int64, time: EventTime, values: UnsafeBufferPointer<Value>) {
        (self.first, self.time, self.values) = (first, time, values)
    }

    /// The same as bytes.
    func lendBytes(_ body: (UnsafeBufferPointer<RawRecord>) -> Void) {
        var bytes = ByteWriter()
        // Where each record's key begins, or -1; where its value begins; where it ends.
        var marks: [(key: Int, value: Int, end: Int)] = []
        for value in values {
            let start = bytes.count
            let hasKey = value.encodeKey(into: &bytes)
            let middle = bytes.count
            value.encode(into: &bytes)
            marks.append((hasKey ? start : -1, middle, bytes.count))
        }
        bytes.bytes.withUnsafeBytes { all in
            let records = marks.enumerated().map { index, mark in
                RawRecord(
                    offset: first + Int64(index), timestamp: time,
                    key: mark.key < 0 ? nil : UnsafeRawBufferPointer(rebasing: all[mark.key..<mark.value]),
                    value: UnsafeRawBufferPointer(rebasing: all[mark.value..<mark.end]))
            }
            records.withUnsafeBufferPointer(body)
        }
    }
    var offsets: ClosedRange<Int64>? { values.isEmpty ? nil : first...first + Int64(values.count) - 1 }
}

extension ValueReader {
    public func read(
        maxBytes: Int, _ body: (UnsafeBufferPointer<RawRecord>) -> Void
    ) throws(Failure) -> ReadOutcome {
        try read(maxRecords: max(1, maxBytes / MemoryLayout<Value>.stride)) { $0.lendBytes(body) }
    }
}
