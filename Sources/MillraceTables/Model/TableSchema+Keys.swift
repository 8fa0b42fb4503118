public import MillraceCore

/// A partition's key as CQL serialises it, and its token.
public struct PartitionKey: Hashable, Sendable {
    /// One component: its bytes. More: for each, a 16-bit length, its bytes and a zero.
    public let serialized: [UInt8]
    public let token: Int64

    /// From bytes as a client sends them. Their content is not checked.
    public init(serialized: [UInt8]) {
        self.serialized = serialized
        token = Bytes.lend(serialized) { Murmur3.token($0) }
    }
}

/// The order of stored keys is `token ‖ partition key ‖ clustering key`. Partitions are in the order of their tokens
/// and, for equal tokens, of their serialised bytes; rows in the order of their clustering columns.
extension TableSchema {
    /// The key of a partition from its components' values.
    public func partitionKey(_ values: [Value]) throws(Failure) -> PartitionKey {
        guard values.count == partitionKey.count else {
            throw Failure(
                .wrongType, "the partition key of \(fullName) has \(partitionKey.count) columns, not \(values.count)",
                advice: "It is " + partitionKey.map { Names.cql($0.name) }.joined(separator: ", "),
                place: fullName)
        }
        var writer = ByteWriter(capacity: 32)
        for (value, column) in zip(values, partitionKey) {
            let start = writer.count
            if values.count > 1 { writer.integer(UInt16(0)) }
            do throws(Failure) {
                try ValueCodec.encode(value, as: column.type, into: &writer)
            } catch {
                throw at(column, error)
            }
            guard writer.count <= Limits.partitionKeyBytes else {
                throw at(column, Failure(.limitReached, "the partition key is above \(Limits.partitionKeyBytes) bytes"))
            }
            if values.count > 1 {
                writer.patch(UInt16(writer.count - start - 2), at: start)
                writer.byte(0)
            }
        }
        guard writer.count > 0 else {
            throw at(partitionKey[0], Failure(.invalidArgument, "a partition key must not be empty"))
        }
        guard writer.count <= Limits.partitionKeyBytes else {
            throw Failure(
                .limitReached, "the partition key is above \(Limits.partitionKeyBytes) bytes", place: fullName)
        }
        return PartitionKey(serialized: writer.bytes)
    }

    /// The components' values of a partition key.
    public func values(of key: PartitionKey) throws(ByteFault) -> [Value] {
        if partitionKey.count == 1 { return [try ValueCodec.decode(key.serialized, as: partitionKey[0].type)] }
        return try Bytes.lend(key.serialized) { (raw) throws(ByteFault) in
            var reader = ByteReader(raw)
            var values: [Value] = []
            for column in partitionKey {
                let size: UInt16 = try reader.integer()
                values.append(try ValueCodec.decode(try reader.take(Int(size)), as: column.type))
                guard try reader.byte() == 0 else { throw ByteFault(.unknownValue, at: reader.position - 1) }
            }
            try reader.expectEnd()
            return values
        }
    }

    /// Whether the key's bytes end by themselves: they do when their number is fixed or lengths stand in them.
    private var keyEndsItself: Bool { partitionKey.count > 1 || partitionKey[0].type.fixedSize != nil }

    /// Appends token and partition key in their stored form; all keys of the partition begin with it.
    public func encode(_ key: PartitionKey, into writer: inout ByteWriter) {
        writer.integer(key.token ^ .min)
        if keyEndsItself { writer.raw(key.serialized) } else { KeyEncoder.escape(key.serialized, into: &writer) }
    }

    /// Appends only the token: keys of partitions with this token or a later one are not below it.
    public static func encode(token: Int64, into writer: inout ByteWriter) { writer.integer(token ^ .min) }

    /// Reads what `encode` wrote and leaves the reader behind it.
    public func decodePartitionKey(_ reader: inout ByteReader) throws(ByteFault) -> PartitionKey {
        let start = reader.position
        let token = try reader.integer(Int64.self) ^ .min
        var serialized: [UInt8] = []
        if partitionKey.count > 1 {
            let first = reader.position
            for _ in partitionKey {
                let size: UInt16 = try reader.integer()
                try reader.skip(Int(size) + 1)
            }
            serialized = Array(reader.bytes[first..<reader.position])
        } else if let size = partitionKey[0].type.fixedSize {
            serialized = Array(try reader.take(size))
        } else {
            while true {
                let byte = try reader.byte()
                if byte == 0 {
                    let next = try reader.byte()
                    if next == 0x01 { break }
                    guard next == 0xFF else { throw ByteFault(.unknownValue, at: reader.position - 1) }
                }
                serialized.append(byte)
            }
        }
        let key = PartitionKey(serialized: serialized)
        guard key.token == token else { throw ByteFault(.checksum, at: start) }
        return key
    }

    /// Appends clustering values, all of them or a prefix. What all rows with this prefix begin with.
    public func encodeClustering(_ values: some Collection<Value>, into writer: inout ByteWriter) throws(Failure) {
        guard values.count <= clustering.count else {
            throw Failure(
                .wrongType, "\(fullName) has \(clustering.count) clustering columns, not \(values.count)",
                place: fullName)
        }
        let start = writer.count
        for (value, column) in zip(values, clustering) {
            do throws(Failure) {
                try KeyEncoder.encode(value, as: column.type, order: column.order, into: &writer)
            } catch {
                throw at(column, error)
            }
        }
        guard writer.count - start <= Limits.clusteringKeyBytes else {
            throw Failure(
                .limitReached,
                "a clustering key of \(writer.count - start) bytes is above \(Limits.clusteringKeyBytes)",
                place: fullName)
        }
    }

    /// The values of the clustering columns at the start of the bytes: all of them, or as many as there are.
    public func decodeClustering(_ bytes: UnsafeRawBufferPointer) throws(ByteFault) -> [Value] {
        var decoder = KeyDecoder(bytes)
        var values: [Value] = []
        values.reserveCapacity(clustering.count)
        for column in clustering where !decoder.isAtEnd {
            values.append(try decoder.value(as: column.type, order: column.order))
        }
        guard decoder.isAtEnd else { throw ByteFault(.trailingBytes, at: decoder.position) }
        return values
    }

    /// Refuses what `decodeClustering` refuses.
    func check(clustering bytes: UnsafeRawBufferPointer) throws(ByteFault) {
        var decoder = KeyDecoder(bytes)
        for column in clustering where !decoder.isAtEnd { try decoder.check(column.type, order: column.order) }
        guard decoder.isAtEnd else { throw ByteFault(.trailingBytes, at: decoder.position) }
    }

    func at(_ column: Column, _ failure: Failure) -> Failure {
        Failure(
            failure.code, failure.message, advice: failure.advice,
            place: "\(fullName), column \(Names.cql(column.name))")
    }
}

/// Bounds between keys.
public enum KeyBound {
    /// The first key after all keys that begin with the prefix; nil when there is none (all bytes are FF).
    ///
    /// A slice over a prefix is `prefix ..< after(prefix)`. An exclusive lower bound begins at `after`, an inclusive
    /// upper bound ends before it.
    public static func after(_ prefix: [UInt8]) -> [UInt8]? {
        var bytes = prefix
        while let last = bytes.popLast() {
            if last < 0xFF {
                bytes.append(last + 1)
                return bytes
            }
        }
        return nil
    }
}
