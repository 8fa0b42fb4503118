internal import MillraceCore
internal import MillraceLog

/// A dead letter in its topic: the record's own key and value, and where it came from in headers that any Kafka tool
/// shows as text.
extension DeadLetter {
    private enum Name {
        static let pipeline = "millrace.pipeline", release = "millrace.release"
        static let topic = "millrace.topic", partition = "millrace.partition", offset = "millrace.offset"
        static let error = "millrace.error", attempts = "millrace.attempts"
    }

    var headers: [RecordHeader] {
        [
            RecordHeader(Name.pipeline, pipeline), RecordHeader(Name.release, release),
            RecordHeader(Name.topic, sourceTopic), RecordHeader(Name.partition, "\(sourcePartition)"),
            RecordHeader(Name.offset, "\(sourceOffset)"), RecordHeader(Name.error, error),
            RecordHeader(Name.attempts, "\(attempts)"),
        ]
    }

    init(_ record: RecordView, partition: Int) throws(ByteFault) {
        var texts: [String: String] = [:]
        var headers = record.headers
        while let header = try headers.next() {
            texts[String(decoding: header.key, as: UTF8.self)] = header.value.map {
                String(decoding: $0, as: UTF8.self)
            }
        }
        self.init(
            partition: partition, offset: record.offset, pipeline: texts[Name.pipeline] ?? "",
            release: texts[Name.release] ?? "", sourceTopic: texts[Name.topic] ?? "",
            sourcePartition: texts[Name.partition].flatMap { Int($0) } ?? 0,
            sourceOffset: texts[Name.offset].flatMap { Int64($0) } ?? -1, key: record.key.map(Array.init),
            value: record.value.map(Array.init), error: texts[Name.error] ?? "unknown",
            attempts: texts[Name.attempts].flatMap { Int($0) } ?? 0, at: .milliseconds(record.milliseconds))
    }
}
