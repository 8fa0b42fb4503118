import Foundation
import MillraceCore
import Testing

@testable import MillraceLog

/// The Python environment with other people's Kafka clients, made once a run.
enum Interop {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Interop")

    /// Nil when it cannot be made here; then the tests that need it are skipped, and say so.
    static let python: String? = {
        let outcome = try? run(folder.appendingPathComponent("prepare").path, [])
        guard let outcome, outcome.code == 0 else { return nil }
        return outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }()

    static func run(_ program: String, _ arguments: [String]) throws -> (code: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    /// Runs a command of `batches.py` over JSON.
    static func ask<Question: Encodable, Answer: Decodable>(
        _ command: String, _ question: Question, _: Answer.Type = Answer.self
    ) throws -> Answer {
        let python = try #require(python)
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let (source, target) = (directory.appendingPathComponent("in"), directory.appendingPathComponent("out"))
        try JSONEncoder().encode(question).write(to: source)
        let script = folder.appendingPathComponent("batches.py").path
        let outcome = try run(python, [script, command, source.path, target.path])
        try #require(outcome.code == 0, "batches.py \(command) ended with \(outcome.code)")
        return try JSONDecoder().decode(Answer.self, from: Data(contentsOf: target))
    }

    struct Header: Codable, Hashable {
        var key: String
        var value: Data?
    }
    struct Record: Codable, Hashable {
        var milliseconds: Int64
        var key: Data?
        var value: Data?
        var headers: [Header]

        init(_ record: PlainRecord) {
            milliseconds = record.milliseconds
            (key, value) = (record.key.map { Data($0) }, record.value.map { Data($0) })
            headers = record.headers.map { Header(key: $0.key, value: $0.value.map { Data($0) }) }
        }
        var plain: PlainRecord {
            PlainRecord(
                milliseconds: milliseconds, key: key.map(Array.init), value: value.map(Array.init),
                headers: headers.map { RecordHeader($0.key, $0.value.map(Array.init)) })
        }
        // Nulls must be there, not left out.
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(milliseconds, forKey: .milliseconds)
            try container.encode(key, forKey: .key)
            try container.encode(value, forKey: .value)
            var list = container.nestedUnkeyedContainer(forKey: .headers)
            for header in headers {
                var entry = list.nestedContainer(keyedBy: Header.CodingKeys.self)
                try entry.encode(header.key, forKey: .key)
                try entry.encode(header.value, forKey: .value)
            }
        }
        enum CodingKeys: CodingKey { case milliseconds, key, value, headers }
    }
    struct Producer: Codable {
        var id: Int64 = -1
        var epoch: Int16 = -1
        var sequence: Int32 = -1
    }
    struct Case: Encodable {
        var name: String
        var compression: String
        var isTransactional = false
        var producer = Producer()
        var records: [Record]
        /// Also through librdkafka, which sets timestamps of 0 and below itself.
        var viaBroker: Bool
    }
    struct Encoded: Decodable {
        var name: String
        var kafkaPython: Data
        var librdkafka: [Data]
    }
    struct Batch: Encodable {
        var name: String
        var bytes: Data
        var viaBroker: Bool
    }
    struct Decoded: Decodable {
        struct ByKafkaPython: Decodable {
            var baseOffset: Int64
            var compression: UInt8
            var isTransactional: Bool
            var isControl: Bool
            var producerID: Int64
            var producerEpoch: Int16
            var baseSequence: Int32
            var maxMilliseconds: Int64
            var records: [Record]
        }
        var name: String
        var kafkaPython: ByKafkaPython
        var librdkafka: [Record]?
    }
    struct Hashes: Decodable {
        var hashes: [UInt32]
        var partitionCount: Int
        var partitions: [Int]
    }
}

extension Interop.Header {
    enum CodingKeys: CodingKey { case key, value }
}

/// Batches of other writers decode here, and ours there, for every codec.
@Suite(
    .enabled(if: Interop.python != nil, "SKIPPED: no Python with Kafka clients (Tests/Interop/prepare says why)"),
    .serialized)
struct BatchInteropTests {
    func cases() -> [Interop.Case] {
        var random = SeededRandom(seed: BatchRun.seed)
        return Compression.allCases.flatMap { compression in
            (0..<3).map { round in
                var records = random.records(upTo: [1, 20, 400][round]).map { record in
                    var positive = record
                    positive.milliseconds = 1_000_000_000 + abs(record.milliseconds)
                    return Interop.Record(positive)
                }
                // Enough of the same for every codec to pay, so that all of them are used.
                let filler = Interop.Record(
                    PlainRecord(milliseconds: 1_700_000_000_000, key: nil, value: Array(repeating: 97, count: 2_000)))
                records += [filler]
                var result = Interop.Case(
                    name: "\(compression)-\(round)", compression: compression.name, records: records, viaBroker: true)
                if round == 1 {
                    result.producer = Interop.Producer(id: 4_711, epoch: 3, sequence: 17)
                    result.isTransactional = true
                    result.viaBroker = false
                }
                return result
            }
        }
    }
    func properties(_ one: Interop.Case) throws -> RecordBatchBuilder.Properties {
        var properties = RecordBatchBuilder.Properties()
        properties.compression = try #require(Compression(name: one.compression))
        (properties.producerID, properties.producerEpoch) = (one.producer.id, one.producer.epoch)
        (properties.baseSequence, properties.isTransactional) = (one.producer.sequence, one.isTransactional)
        return properties
    }

    @Test func theirsAreReadHere() throws {
        let cases = cases()
        let answers = try Interop.ask("encode", cases, [Interop.Encoded].self)
        #expect(answers.count == cases.count)
        for (one, answer) in zip(cases, answers) {
            let bytes = Array(answer.kafkaPython)
            let received = try EncodedBatch(received: bytes, using: Decompressor())
            #expect(received.header.attributes.compression.name == one.compression, "\(one.name) \(BatchRun.note)")
            #expect(received.header.producerID == one.producer.id)
            #expect(try plainRecords(bytes).map(Interop.Record.init) == one.records, "\(one.name) \(BatchRun.note)")
            // Where there is only one way to write it, ours is the same to the bit.
            if one.compression == "none" {
                #expect(try encode(one.records.map(\.plain), properties(one)).bytes == bytes, "\(one.name)")
            }
            let stored = answer.librdkafka.map(Array.init)
            #expect(stored.isEmpty != one.viaBroker)
            guard one.viaBroker else { continue }
            let viaBroker = try stored.flatMap { bytes in
                let header = try EncodedBatch(received: bytes, using: Decompressor()).header
                #expect(header.attributes.compression.name == one.compression || header.totalBytes < 400, "\(one.name)")
                return try plainRecords(bytes)
            }
            #expect(viaBroker.map(Interop.Record.init) == one.records, "librdkafka \(one.name) \(BatchRun.note)")
            if one.compression == "none", stored.count == 1 {
                #expect(try encode(one.records.map(\.plain), properties(one)).bytes == stored[0], "\(one.name)")
            }
        }
    }

    @Test func oursAreReadThere() throws {
        let cases = cases()
        let batches = try cases.map { one in
            let batch = try encode(one.records.map(\.plain), properties(one))
            #expect(batch.header.attributes.compression.name == one.compression, "\(one.name)")
            return Interop.Batch(name: one.name, bytes: Data(batch.bytes), viaBroker: one.viaBroker)
        }
        let answers = try Interop.ask("decode", batches, [Interop.Decoded].self)
        #expect(answers.count == cases.count)
        for (one, answer) in zip(cases, answers) {
            let read = answer.kafkaPython
            #expect(read.records == one.records, "\(one.name) \(BatchRun.note)")
            #expect(Compression(rawValue: read.compression)?.name == one.compression)
            #expect(read.producerID == one.producer.id && read.producerEpoch == one.producer.epoch)
            #expect(read.baseSequence == one.producer.sequence && read.isTransactional == one.isTransactional)
            #expect(read.maxMilliseconds == one.records.map(\.milliseconds).max())
            #expect((answer.librdkafka != nil) == one.viaBroker)
            if let records = answer.librdkafka {
                #expect(records == one.records, "librdkafka \(one.name) \(BatchRun.note)")
            }
        }
    }

    @Test func markersAreReadThere() throws {
        var properties = RecordBatchBuilder.Properties()
        (properties.producerID, properties.producerEpoch) = (9, 1)
        let controls: [ControlRecord] = [
            .commit(coordinatorEpoch: 4), .abort(coordinatorEpoch: 5), .watermark(.seconds(6)),
        ]
        let batches = controls.map { control in
            let batch = RecordBatchBuilder.control(control, milliseconds: 1_000, properties: properties)
            return Interop.Batch(name: "\(control)", bytes: Data(batch.bytes), viaBroker: false)
        }
        let answers = try Interop.ask("decode", batches, [Interop.Decoded].self)
        // The keys as KIP-98 gives them: version 0, then 0 to abort and 1 to commit.
        #expect(answers.map(\.kafkaPython.isControl) == [true, true, true])
        #expect(
            answers.map { $0.kafkaPython.records.first?.key.map(Array.init) } == [
                [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0x4D, 0x57],
            ])
    }

    @Test func keysGoToTheSamePartition() throws {
        var random = SeededRandom(seed: BatchRun.seed)
        let keys = (0..<300).map { length in
            (0..<length % 40 + 1).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
        let answer = try Interop.ask("murmur2", keys.map { Data($0) }, Interop.Hashes.self)
        #expect(answer.partitionCount > 1)
        for (index, key) in keys.enumerated() {
            key.withUnsafeBytes { raw in
                #expect(Partitioner.murmur2(raw) == answer.hashes[index], BatchRun.note)
                let partition = Partitioner.partition(ofKey: raw, among: answer.partitionCount)
                #expect(partition == answer.partitions[index], BatchRun.note)
            }
        }
    }
}
