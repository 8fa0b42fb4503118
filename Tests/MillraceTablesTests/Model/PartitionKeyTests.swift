import MillraceCore
import MillraceTables
import Testing

@Suite struct PartitionKeyTests {
    /// Partitions lie in the order of Cassandra's `DecoratedKey`: token, then serialised bytes unsigned.
    @Test func orderAndRoundTrip() throws {
        var values = RandomValues(random: TestRun.random("partitions"))
        for _ in 0..<TestRun.count(4_000) {
            var builder = TableSchema.Builder("ks", "t")
            for i in 0...values.random.below(3) { builder = builder.partitionKey("p\(i)", values.keyType()) }
            let schema = try builder.build()
            let a = schema.partitionKey.map { values.value($0.type) }
            let b = zip(a, schema.partitionKey).map { values.neighbour(of: $0, $1.type) }
            guard let x = try? schema.partitionKey(a), let y = try? schema.partitionKey(b) else {
                #expect(schema.partitionKey.count == 1, "only a single component can be refused for being empty")
                continue
            }
            var (left, right) = (ByteWriter(), ByteWriter())
            schema.encode(x, into: &left)
            schema.encode(y, into: &right)
            let truth =
                x.token != y.token ? (x.token < y.token ? -1 : 1) : CassandraOrder.unsigned(x.serialized, y.serialized)
            #expect(CassandraOrder.unsigned(left.bytes, right.bytes) == truth, TestRun.replay)
            if truth != 0 {
                #expect(!left.bytes.starts(with: right.bytes) && !right.bytes.starts(with: left.bytes), TestRun.replay)
            }
            try (left.bytes + [0xAB]).withUnsafeBytes { raw in
                var reader = ByteReader(raw)
                let back = try schema.decodePartitionKey(&reader)
                #expect(back == x, TestRun.replay)
                #expect(reader.remaining == 1)
            }
            let back = try schema.values(of: x)
            #expect(try schema.partitionKey(back) == x, TestRun.replay)
        }
    }

    @Test func equalTokensKeepTheOrderOfTheBytes() throws {
        // Keys of one token are rare, so the stored form is compared behind the token.
        let schema = try TableSchema.Builder("ks", "t").partitionKey("p", .blob).build()
        var values = RandomValues(random: TestRun.random("blobs"))
        for _ in 0..<TestRun.count(2_000) {
            let a = values.value(.blob)
            guard let x = try? schema.partitionKey([a]),
                let y = try? schema.partitionKey([values.neighbour(of: a, .blob)])
            else { continue }
            var (left, right) = (ByteWriter(), ByteWriter())
            schema.encode(x, into: &left)
            schema.encode(y, into: &right)
            #expect(
                CassandraOrder.unsigned(left.bytes.dropFirst(8), right.bytes.dropFirst(8))
                    == CassandraOrder.unsigned(x.serialized, y.serialized), TestRun.replay)
        }
    }

    @Test func compositeIsSerialisedAsCassandraDoes() throws {
        let schema = try TableSchema.Builder("ks", "t").partitionKey("a", .text).partitionKey("b", .int).build()
        let key = try schema.partitionKey([.text("ab"), .int(1)])
        #expect(key.serialized == [0, 2, 0x61, 0x62, 0, 0, 4, 0, 0, 0, 1, 0])
    }

    @Test func refusals() throws {
        let schema = try TableSchema.Builder("ks", "t").partitionKey("a", .text).build()
        #expect(throws: Failure.self) { try schema.partitionKey([.text("")]) }
        #expect(throws: Failure.self) { try schema.partitionKey([]) }
        #expect(throws: Failure.self) { try schema.partitionKey([.int(1)]) }
        #expect(throws: Failure.self) { try schema.partitionKey([.text(String(repeating: "x", count: 65_536))]) }
        #expect(try schema.partitionKey([.text(String(repeating: "x", count: 65_535))]).serialized.count == 65_535)
        let composite = try TableSchema.Builder("ks", "t").partitionKey("a", .text).partitionKey("b", .text).build()
        #expect(throws: Failure.self) {
            try composite.partitionKey([.text(String(repeating: "x", count: 70_000)), .text("")])
        }
        #expect(try composite.partitionKey([.text(""), .text("")]).serialized == [0, 0, 0, 0, 0, 0])
    }

    @Test func wrongTokenIsNoticed() throws {
        let schema = try TableSchema.Builder("ks", "t").partitionKey("a", .bigint).build()
        var writer = ByteWriter()
        schema.encode(try schema.partitionKey([.bigint(5)]), into: &writer)
        writer.bytes[9] ^= 1
        writer.bytes.withUnsafeBytes { raw in
            var reader = ByteReader(raw)
            #expect(throws: ByteFault.self) { try schema.decodePartitionKey(&reader) }
        }
    }
}
