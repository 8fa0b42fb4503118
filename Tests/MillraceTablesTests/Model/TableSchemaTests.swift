import MillraceCore
import MillraceTables
import Testing

@Suite struct TableSchemaTests {
    static let views = TableSchema.Builder("site", "views").partitionKey("page", .text)
        .clustering("at", .timestamp, .descending).staticColumn("title", .text).column("count", .bigint)

    @Test func parts() throws {
        let schema = try TableSchemaTests.views.defaultTTL(60).build()
        #expect(schema.partitionKey.map(\.name) == ["page"])
        #expect(schema.clustering.map(\.name) == ["at"])
        #expect(schema.clustering.first?.order == .descending)
        #expect(schema.statics.map(\.name) == ["title"])
        #expect(schema.regulars.map(\.name) == ["count"])
        #expect(schema.column("count")?.type == .bigint)
        #expect(throws: Failure.self) { try schema.require("nope") }
    }

    @Test func changes() throws {
        let first = try TableSchemaTests.views.build()
        let second = try first.adding("size", .int)
        let third = try second.dropping("count").adding("count", .text)
        #expect(third.column("count")?.id != first.column("count")?.id, "an old cell must not show under a new type")
        #expect(third.revision == 4)
        let renamed = try third.renaming("page", to: "url")
        #expect(renamed.partitionKey.first?.id == first.partitionKey.first?.id)
        for bad: () throws -> TableSchema in [
            { try first.adding("page", .text) }, { try first.dropping("page") }, { try first.dropping("nope") },
            { try first.renaming("count", to: "n") }, { try first.renaming("page", to: "at") },
            { try first.adding("n", .counter) }, { try first.with(defaultTTL: -1) },
            { try first.adding("x", .list(.list(.int, frozen: false), frozen: false)) },
        ] {
            #expect(throws: Failure.self) { _ = try bad() }
        }
    }

    @Test func refusals() {
        let base = TableSchema.Builder("ks", "t").partitionKey("k", .int)
        let many = (0..<Limits.columnsPerTable).reduce(base) { $0.column("c\($1)", .int) }
        let bad: [(String, TableSchema.Builder)] = [
            ("no partition key", TableSchema.Builder("ks", "t").column("a", .int)),
            ("empty keyspace", TableSchema.Builder("", "t").partitionKey("k", .int)),
            ("table name", TableSchema.Builder("ks", "a-b").partitionKey("k", .int)),
            ("long name", TableSchema.Builder("ks", String(repeating: "a", count: 49)).partitionKey("k", .int)),
            ("column name", base.column("", .int)),
            ("twice", base.column("k", .int)),
            ("static without clustering", base.staticColumn("s", .int)),
            ("counter key", base.clustering("c", .counter)),
            ("duration key", base.clustering("c", .duration)),
            ("duration in key", base.clustering("c", .tuple([.int, .list(.duration, frozen: true)]))),
            ("collection key", base.clustering("c", .list(.int, frozen: false))),
            ("set of durations", base.column("c", .set(.duration, frozen: false))),
            ("map by duration", base.column("c", .map(.duration, .int, frozen: false))),
            ("list of counters", base.column("c", .list(.counter, frozen: false))),
            ("nested not frozen", base.column("c", .set(.list(.int, frozen: false), frozen: false))),
            ("empty tuple", base.column("c", .tuple([]))),
            ("mixed counters", base.column("n", .counter).column("v", .int)),
            ("static beside counters", base.clustering("c", .int).staticColumn("s", .int).column("n", .counter)),
            ("counters with TTL", base.column("n", .counter).defaultTTL(1)),
            ("TTL", base.defaultTTL(Limits.timeToLiveSeconds + 1)),
            ("too many columns", many),
            ("deep", base.column("c", (0..<40).reduce(.int) { type, _ in .list(type, frozen: true) })),
        ]
        for (what, builder) in bad {
            #expect(throws: Failure.self, "\(what)") { _ = try builder.build() }
        }
        #expect(throws: Never.self) {
            _ = try base.clustering("c", .int).staticColumn("s", .counter).column("n", .counter).build()
        }
    }

    static func random(_ values: inout RandomValues) throws -> TableSchema {
        var builder = TableSchema.Builder("ks", "t").partitionKey("p", values.keyType())
        for i in 0..<values.random.below(3) {
            builder = builder.clustering("c\(i)", values.keyType(), values.random.oneIn(2) ? .ascending : .descending)
        }
        for i in 0..<values.random.below(6) { builder = builder.column("v \"\(i)\" é", values.anyType()) }
        return try builder.comment("é").build()
    }

    @Test func stored() throws {
        var values = RandomValues(random: TestRun.random("schemas"))
        for _ in 0..<TestRun.count(400) {
            let schema = try TableSchemaTests.random(&values).adding("later", .int)
            let bytes = schema.encoded()
            #expect(try TableSchema(decoding: bytes) == schema, TestRun.replay)
            var damaged = bytes
            damaged[values.random.below(bytes.count)] ^= UInt8(1 << values.random.below(8))
            #expect(throws: Failure.self, TestRun.replay) { _ = try TableSchema(decoding: damaged) }
            #expect(throws: Failure.self, TestRun.replay) {
                _ = try TableSchema(decoding: Array(bytes.prefix(values.random.below(bytes.count))))
            }
        }
    }

    @Test func typesAsText() throws {
        var values = RandomValues(random: TestRun.random("types"))
        for _ in 0..<TestRun.count(2_000) {
            let type = values.anyType()
            let back = try ColumnType.parse("\(type)") { $0 == "point" ? RandomValues.point : nil }
            #expect(back == type, TestRun.replay)
        }
        #expect(
            try ColumnType.parse(" MAP < text , frozen<list<int>> > ")
                == .map(.text, .list(.int, frozen: true), frozen: false))
        #expect(try ColumnType.parse("varchar") == .text)
        for bad in [
            "", "nope", "list", "list<>", "map<int>", "list<int", "int>", "tuple<>", "list<list<int>>", "set<duration>",
            "int int",
        ] {
            #expect(throws: Failure.self, "\(bad)") { _ = try ColumnType.parse(bad) }
        }
    }
}
