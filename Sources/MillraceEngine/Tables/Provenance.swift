internal import MillraceCore

/// What is kept about a commit under its id (design D9): which code made it from which input.
struct Provenance: Equatable, Sendable {
    var pipeline: String
    var stage: Int
    var partition: Int
    var release: String
    var inputs: [CommittedRange]
    /// Where the stage behind finds what this commit sent.
    var shuffled: [ShuffledRange]
    var watermark: EventTime

    init(_ commit: TaskCommit) {
        (pipeline, stage, partition) = (commit.task.pipeline, commit.task.stage, commit.task.partition)
        (release, inputs, watermark) = (commit.release, commit.inputs, commit.mark.watermark)
        shuffled = commit.shuffled
    }

    /// 3: with what was sent through the shuffle. 2 is read too.
    private static let version: UInt8 = 3

    var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 96)
        writer.byte(Self.version)
        Self.write(pipeline, into: &writer)
        Self.write(release, into: &writer)
        writer.integer(UInt16(stage))
        writer.integer(UInt32(partition))
        writer.integer(watermark.microseconds)
        writer.integer(UInt16(inputs.count))
        for range in inputs {
            Self.write(range.input, into: &writer)
            writer.integer(range.first)
            writer.integer(range.end)
        }
        writer.integer(UInt16(clamping: shuffled.count))
        for range in shuffled.prefix(Int(UInt16.max)) {
            writer.integer(UInt32(range.partition))
            writer.integer(range.offsets.lowerBound)
            writer.integer(range.offsets.upperBound)
        }
        return writer.bytes
    }

    private static func write(_ text: String, into writer: inout ByteWriter) {
        writer.integer(UInt16(clamping: text.utf8.count))
        writer.raw(text.utf8.prefix(Int(UInt16.max)))
    }

    init(_ bytes: [UInt8]) throws(ByteFault) {
        self = try bytes.lending { (raw) throws(ByteFault) in try Self(reading: raw) }
    }

    private init(reading raw: UnsafeRawBufferPointer) throws(ByteFault) {
        var reader = ByteReader(raw)
        let version = try reader.byte()
        guard version == Self.version || version == 2 else { throw ByteFault(.unknownValue, at: 0) }
        pipeline = try reader.text(Int(try reader.integer(UInt16.self)))
        release = try reader.text(Int(try reader.integer(UInt16.self)))
        stage = Int(try reader.integer(UInt16.self))
        partition = Int(try reader.integer(UInt32.self))
        watermark = EventTime(microseconds: try reader.integer())
        (inputs, shuffled) = ([], [])
        for _ in 0..<Int(try reader.integer(UInt16.self)) {
            let input = try reader.text(Int(try reader.integer(UInt16.self)))
            inputs.append(CommittedRange(input: input, first: try reader.integer(), end: try reader.integer()))
        }
        for _ in 0..<(version > 2 ? Int(try reader.integer(UInt16.self)) : 0) {
            let partition = Int(try reader.integer(UInt32.self))
            let (first, end) = (try reader.integer(Int64.self), try reader.integer(Int64.self))
            guard first <= end else { throw ByteFault(.unknownValue, at: reader.position) }
            shuffled.append(ShuffledRange(partition: partition, offsets: first..<end))
        }
        try reader.expectEnd()
    }
}
