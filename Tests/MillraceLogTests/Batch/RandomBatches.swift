import Foundation
import MillraceCore
import MillraceLog
import Testing

/// How long and from which seed randomised tests of the batch format run.
enum BatchRun {
    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }
    /// `MILLRACE_SEED` repeats a run; every failure prints it.
    static let seed = number("MILLRACE_SEED") ?? UInt64.random(in: 0...UInt64.max)
    /// `MILLRACE_SCALE` multiplies the number of rounds.
    static let scale = Int(number("MILLRACE_SCALE") ?? 1)
    static var note: Comment { "repeat with MILLRACE_SEED=\(seed)" }
}

extension SeededRandom {
    mutating func bytes(upTo limit: Int) -> [UInt8] {
        let count = Int.random(in: 0...limit, using: &self)
        // Half of it compressible, half of it noise.
        let isNoise = Bool.random(using: &self)
        return (0..<count).map { isNoise ? UInt8.random(in: 0...255, using: &self) : UInt8(97 + $0 % 7) }
    }
    mutating func field(upTo limit: Int) -> [UInt8]? {
        switch Int.random(in: 0..<6, using: &self) {
        case 0: nil
        case 1: []
        default: bytes(upTo: limit)
        }
    }
    /// Records with times that go back and forth, nulls, empties, long values and headers.
    mutating func records(upTo limit: Int, valueBytes: Int = 300) -> [PlainRecord] {
        let base = Int64.random(in: -1...4_000_000_000_000, using: &self)
        return (0..<Int.random(in: 1...limit, using: &self)).map { index in
            let headers = chance(1, in: 4) ? Int.random(in: 1...5, using: &self) : 0
            return PlainRecord(
                offset: Int64(index), milliseconds: base &+ Int64.random(in: -100_000...100_000, using: &self),
                key: field(upTo: 40), value: field(upTo: chance(1, in: 20) ? 20_000 : valueBytes),
                headers: (0..<headers).map { RecordHeader("h\($0)-é", field(upTo: 30)) })
        }
    }
    mutating func properties(_ compression: Compression) -> RecordBatchBuilder.Properties {
        var properties = RecordBatchBuilder.Properties()
        properties.compression = compression
        if Bool.random(using: &self) {
            properties.producerID = Int64.random(in: 0 ... .max, using: &self)
            properties.producerEpoch = Int16.random(in: 0 ... .max, using: &self)
            properties.baseSequence = Int32.random(in: 0 ... .max, using: &self)
            properties.isTransactional = Bool.random(using: &self)
        }
        return properties
    }
}

func encode(_ records: [PlainRecord], _ properties: RecordBatchBuilder.Properties) throws -> EncodedBatch {
    let builder = RecordBatchBuilder(properties, capacity: 128)
    for record in records {
        try builder.append(
            key: record.key, value: record.value, milliseconds: record.milliseconds, headers: record.headers)
    }
    return builder.finish()
}
