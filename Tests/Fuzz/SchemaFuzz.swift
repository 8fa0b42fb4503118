// fuzz-modules: MillraceCore MillraceTables
import MillraceCore
import MillraceTables

/// The stored schema, with its checksum put right so that the rest is reached; and the same bytes as CQL's text.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: start, count: count)
    var writer = ByteWriter()
    writer.raw(input)
    writer.integer(CRC32C.of(input))
    if let schema = try? TableSchema(decoding: writer.bytes) {
        precondition((try? TableSchema(decoding: schema.encoded())) == schema, "a schema changed by being stored")
        let types = schema.columns.flatMap { userTypes(in: $0.type) }
        precondition(!schema.cql.isEmpty && types.count >= 0)
    }
    _ = try? TableSchema(decoding: Array(input))
    let text = String(decoding: input, as: UTF8.self)
    if let type = try? ColumnType.parse(text) {
        precondition((try? ColumnType.parse("\(type)")) == type, "a type changed by being written")
    }
    if let schema = try? TableSchema.parse(keyspace: "k", name: "t", columns: text) {
        precondition((try? TableSchema(decoding: schema.encoded())) == schema, "a parsed schema cannot be stored")
    }
    return 0
}

func userTypes(in type: ColumnType) -> [UserType] {
    if case .user(let user, _) = type { return [user] }
    return type.parts.flatMap { userTypes(in: $0) }
}
