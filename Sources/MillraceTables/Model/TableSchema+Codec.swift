public import MillraceCore

/// The stored form: version, body, CRC-32C of both.
extension TableSchema {
    static let encodingVersion: UInt8 = 1

    public func encoded() -> [UInt8] {
        var w = ByteWriter(capacity: 256)
        w.byte(TableSchema.encodingVersion)
        w.string(keyspace)
        w.string(name)
        w.integer(revision)
        w.integer(nextColumnID)
        w.integer(defaultTTL)
        w.string(comment)
        w.integer(UInt16(columns.count))
        for column in columns {
            w.integer(column.id)
            w.string(column.name)
            switch column.kind {
            case .partitionKey: w.byte(0)
            case .clustering(.ascending): w.byte(1)
            case .clustering(.descending): w.byte(2)
            case .static: w.byte(3)
            case .regular: w.byte(4)
            }
            column.type.encode(into: &w)
        }
        w.integer(w.bytes.withUnsafeBytes { CRC32C.of($0) })
        return w.bytes
    }

    /// Reads what `encoded` wrote. Anything else is a failure: `corrupt`, or `incompatible` for a version to come.
    public init(decoding bytes: UnsafeRawBufferPointer) throws(Failure) {
        let result: Result<TableSchema, Failure>
        do throws(ByteFault) {
            result = try TableSchema.decode(bytes)
        } catch {
            throw Failure(
                .corrupt, "a stored table schema cannot be read: \(error)", place: "table schema", cause: error)
        }
        self = try result.get()
    }

    public init(decoding bytes: [UInt8]) throws(Failure) {
        self = try Bytes.lend(bytes) { (raw) throws(Failure) in try TableSchema(decoding: raw) }
    }

    /// A fault in the bytes is thrown; a schema that was read but is not acceptable comes back as its failure.
    private static func decode(_ bytes: UnsafeRawBufferPointer) throws(ByteFault) -> Result<TableSchema, Failure> {
        guard bytes.count <= Limits.schemaBytes else { throw ByteFault(.impossibleCount, at: 0) }
        guard bytes.count > 5 else { throw ByteFault(.truncated, at: 0) }
        let body = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count - 4)])
        var tail = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[(bytes.count - 4)...]))
        guard try tail.integer(UInt32.self) == CRC32C.of(body) else { throw ByteFault(.checksum, at: bytes.count - 4) }
        var r = ByteReader(body)
        let version = try r.byte()
        guard version == encodingVersion else {
            return .failure(
                Failure(
                    .incompatible, "a table schema of format \(version) was written by a newer Millrace",
                    advice: "Use that version", place: "table schema"))
        }
        let (keyspace, name) = (try r.string(), try r.string())
        let revision: UInt32 = try r.integer()
        let nextColumnID: ColumnID = try r.integer()
        let defaultTTL: Int32 = try r.integer()
        let comment = try r.string()
        let count = try r.checked(
            count: try r.integer(UInt16.self), minimumElementBytes: 6, limit: Limits.columnsPerTable)
        var columns: [Column] = []
        for _ in 0..<count {
            let id: ColumnID = try r.integer()
            let name = try r.string()
            let kind: Column.Kind
            switch try r.byte() {
            case 0: kind = .partitionKey
            case 1: kind = .clustering(.ascending)
            case 2: kind = .clustering(.descending)
            case 3: kind = .static
            case 4: kind = .regular
            default: throw ByteFault(.unknownValue, at: r.position - 1)
            }
            columns.append(Column(id: id, name: name, type: try ColumnType(&r), kind: kind))
        }
        try r.expectEnd()
        do throws(Failure) {
            return .success(
                try TableSchema(
                    keyspace: keyspace, name: name, revision: revision, columns: columns, defaultTTL: defaultTTL,
                    comment: comment, nextColumnID: nextColumnID))
        } catch {
            return .failure(Failure(.corrupt, "a stored table schema is not valid: \(error.message)", cause: error))
        }
    }
}

extension ByteWriter {
    /// A 32-bit length and UTF-8.
    mutating func string(_ text: String) {
        integer(UInt32(text.utf8.count))
        self.text(text)
    }
}

extension ByteReader {
    mutating func string() throws(ByteFault) -> String {
        let size: UInt32 = try integer()
        return try text(Int(size))
    }
}
