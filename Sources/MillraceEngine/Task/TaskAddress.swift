internal import MillraceCore

/// Which task: a stage of a pipeline on one partition of its input. Also the prefix of everything it keeps in the
/// store.
///
/// ```
/// name length u16 │ name │ stage u16 │ partition u32 │ kind u8 │ rest
///                                                     'm' the task's mark
///                                                     's' a state entry, `rest` is its key
///                                                     'j' a block of the state's journal, `rest` is its number u64
/// ```
struct TaskAddress: Hashable, Sendable, CustomStringConvertible {
    var pipeline: String
    var stage: Int
    var partition: Int

    var description: String { "\(pipeline)/\(stage)/\(partition)" }

    var markKey: [UInt8] { prefix(UInt8(ascii: "m")) }
    var statePrefix: [UInt8] { prefix(UInt8(ascii: "s")) }
    func journalKey(_ number: Int64) -> [UInt8] {
        var writer = ByteWriter()
        writer.raw(prefix(UInt8(ascii: "j")))
        writer.integer(number)
        return writer.bytes
    }

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
