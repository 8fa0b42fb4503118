internal import MillraceCore

/// Which task: a stage of a pipeline on one partition of its input. Also the prefix of everything it keeps in the
/// store.
///
/// ```
/// name length u16 │ name │ stage u16 │ partition u32 │ kind u8 │ rest
///                                                     'm' the task's mark
///                                                     's' a state entry, `rest` is its key
/// ```
struct TaskAddress: Hashable, Sendable, CustomStringConvertible {
    var pipeline: String
    var stage: Int
    var partition: Int

    var description: String { "\(pipeline)/\(stage)/\(partition)" }

    var markKey: [UInt8] { prefix(UInt8(ascii: "m")) }
    var statePrefix: [UInt8] { prefix(UInt8(ascii: "s")) }

    private func prefix(_ kind: UInt8) -> [UInt8] {
        var writer = ByteWriter(capacity: pipeline.utf8.count + 9)
        writer.integer(UInt16(pipeline.utf8.count))
        writer.text(pipeline)
        writer.integer(UInt16(stage))
        writer.integer(UInt32(partition))
        writer.byte(kind)
        return writer.bytes
    }
}
