import MillraceCore
import MillraceLog
import Testing

/// One record as arrays: what tests compare.
struct PlainRecord: Hashable, Sendable, CustomStringConvertible {
    var offset: Int64 = 0
    var milliseconds: Int64
    var key: [UInt8]?
    var value: [UInt8]?
    var headers: [RecordHeader] = []

    var description: String {
        func size(_ bytes: [UInt8]?) -> String { bytes.map { "\($0.count)B" } ?? "null" }
        return "(\(offset) @\(milliseconds) k:\(size(key)) v:\(size(value)) h:\(headers.count))"
    }

    init(_ record: RecordView) throws {
        (offset, milliseconds) = (record.offset, record.milliseconds)
        (key, value) = (record.key.map(Array.init), record.value.map(Array.init))
        var cursor = record.headers
        while let header = try cursor.next() {
            headers.append(RecordHeader(String(decoding: header.key, as: UTF8.self), header.value.map(Array.init)))
        }
    }
    init(offset: Int64 = 0, milliseconds: Int64, key: [UInt8]?, value: [UInt8]?, headers: [RecordHeader] = []) {
        (self.offset, self.milliseconds, self.key, self.value) = (offset, milliseconds, key, value)
        self.headers = headers
    }
}

/// Every record of an encoded batch, its checksum checked.
func plainRecords(_ bytes: [UInt8]) throws -> [PlainRecord] {
    try bytes.withUnsafeBytes { raw in
        let view = try RecordBatchView(raw)
        try view.verifyChecksum()
        let decompressor = Decompressor()
        return try withExtendedLifetime(decompressor) {
            var cursor = try view.records(using: decompressor)
            var records: [PlainRecord] = []
            while let record = try cursor.next() { records.append(try PlainRecord(record)) }
            return records
        }
    }
}

@Suite struct BatchSmokeTests {
    @Test(arguments: Compression.allCases) func whatIsWrittenIsRead(_ compression: Compression) throws {
        var properties = RecordBatchBuilder.Properties()
        properties.compression = compression
        let builder = RecordBatchBuilder(properties)
        let records = (0..<100).map { n in
            PlainRecord(
                offset: 7 + Int64(n), milliseconds: 1_700_000_000_000 - Int64(n * n),
                key: n % 3 == 0 ? nil : Array("key\(n)".utf8),
                value: n % 5 == 0 ? nil : n % 7 == 0 ? [] : Array(repeating: UInt8(n), count: n * 10),
                headers: n % 4 == 0 ? [RecordHeader("h", "v\(n)"), RecordHeader("", nil)] : [])
        }
        for record in records {
            try builder.append(
                key: record.key, value: record.value, milliseconds: record.milliseconds, headers: record.headers)
        }
        var batch = builder.finish()
        batch.place(baseOffset: 7, leaderEpoch: 3)
        #expect(try plainRecords(batch.bytes) == records)
        #expect(batch.header.maxMilliseconds == 1_700_000_000_000)
        #expect(batch.header.attributes.compression == compression)
        #expect(builder.isEmpty)
    }

    @Test func controlRecordsKeepTheirMeaning() throws {
        for control in [
            .commit(coordinatorEpoch: 7), .abort(coordinatorEpoch: -1), ControlRecord.watermark(.seconds(9)),
        ] {
            var properties = RecordBatchBuilder.Properties()
            (properties.producerID, properties.producerEpoch) = (4, 1)
            let batch = RecordBatchBuilder.control(control, milliseconds: 5, properties: properties)
            let read = try batch.bytes.withUnsafeBytes { try RecordBatchView($0).controlRecord() }
            #expect(read == control)
            #expect(batch.header.attributes.isTransactional == control.isTransactionMarker)
        }
    }

    /// Found by the fuzzer: a log's own time before 1970 became −1 when compaction copied the batch.
    @Test(arguments: [Int64.min, -2, -1, 0, 5]) func copiesKeepTheLogsTime(_ milliseconds: Int64) throws {
        var properties = RecordBatchBuilder.Properties()
        properties.isLogAppendTime = true
        let builder = RecordBatchBuilder(properties)
        for _ in 0..<2 { try builder.append(key: nil, value: [1], milliseconds: milliseconds) }
        let batch = builder.finish()
        #expect(batch.header.maxMilliseconds == milliseconds)
        let copy = RecordBatchBuilder(properties)
        try batch.bytes.withUnsafeBytes { bytes in
            var cursor = try RecordBatchView(bytes).records(using: Decompressor())
            while let record = try cursor.next() { try copy.append(copying: record) }
        }
        #expect(copy.finish().bytes == batch.bytes)
    }

    /// Found by the fuzzer: a batch could hold times that its own copy could not be read with.
    @Test func timesThatAreFarApartStandInOneBatch() throws {
        let times = [Int64.min, Int64.max, 0, -1, Int64.max, Int64.min]
        let builder = RecordBatchBuilder()
        for time in times { try builder.append(key: nil, value: [1], milliseconds: time) }
        try builder.finish().bytes.withUnsafeBytes { bytes in
            var cursor = try RecordBatchView(bytes).records(using: Decompressor())
            var found: [Int64] = []
            while let record = try cursor.next() { found.append(record.milliseconds) }
            #expect(found == times)
        }
    }
}
