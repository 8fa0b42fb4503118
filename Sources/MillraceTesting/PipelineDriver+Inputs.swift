public import MillraceCore
public import MillraceFlow

extension PipelineDriver {
    /// Appends a record to another log than the first of a pipeline that reads several.
    /// - Parameter port: the log's number, in the order in which `body` names them: 1 is the right side of a join.
    public func feed<T: Record>(
        other record: T, to partition: Int = 0, port: Int, at time: EventTime = .distantPast
    ) {
        var key = ByteWriter()
        let hasKey = record.encodeKey(into: &key)
        var value = ByteWriter()
        record.encode(into: &value)
        feed(key: hasKey ? key.bytes : nil, value: value.bytes, to: partition, port: port, at: time)
    }
}
