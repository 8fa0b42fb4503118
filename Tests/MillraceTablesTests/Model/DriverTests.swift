import MillraceCore
import MillraceTables
import Testing

/// What Apache Cassandra's own driver sends to a server, against what we store for the same text.
@Suite struct DriverTests {
    @Test(.enabled(if: CassandraDriver.python != nil, "no cassandra-driver: PyPI or Python is out of reach"))
    func valuesAndCompositeKeys() throws {
        let schema = try TableSchema.Builder("ks", "t").partitionKey("a", .int).partitionKey("b", .text).build()
        let count = TestRun.count(3_000)
        let lines = try CassandraDriver.run("values.py", "\(count)", "\(TestRun.seed % 1_000_000)")
        #expect(lines.count == count + count / 10)
        for line in lines {
            let parts = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            try #require(parts.count == 3, "\(line)")
            let (name, text) = (parts[0], parts[1])
            if name == "token" {
                let values = text.split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
                let key = try schema.partitionKey([.int(Int32(values[0])!), .text(String(values[1]))])
                #expect("\(key.token)" == parts[2], "\(text); \(TestRun.replay)")
                continue
            }
            let type = try ColumnType.parse(name)
            let value = try RowText.value(text, as: type)
            let bytes = MurmurTests.bytes(hex: parts[2])
            #expect(try ValueCodec.encode(value, as: type) == bytes, "\(name) \(text); \(TestRun.replay)")
            #expect(
                try ValueCodec.encode(try ValueCodec.decode(bytes, as: type), as: type) == bytes,
                "\(name) \(text); \(TestRun.replay)")
        }
    }
}
