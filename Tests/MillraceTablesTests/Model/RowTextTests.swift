import MillraceCore
import MillraceTables
import Testing

@Suite struct RowTextTests {
    static func json(_ value: Value?, _ type: ColumnType) -> String { ValueJSON.text(value, as: type) }
    static func read(_ text: String, _ type: ColumnType) throws -> Value? {
        try ValueJSON.value(try JSONParser.parse(text), as: type)
    }

    static let known: [(Value, ColumnType, json: String, plain: String)] = [
        (.text("a\"b\\\n\u{1}é"), .text, #""a\"b\\\n\u0001é""#, "a\"b\\\n\u{1}é"),
        (.blob([0, 0xFF]), .blob, #""0x00ff""#, "0x00ff"),
        (.boolean(true), .boolean, "true", "true"),
        (.int(-5), .int, "-5", "-5"),
        (.bigint(.min), .bigint, "-9223372036854775808", "-9223372036854775808"),
        (
            .varint(BigInteger("123456789012345678901234567890")!), .varint, "123456789012345678901234567890",
            "123456789012345678901234567890"
        ),
        (.decimal(BigDecimal("1.50")!), .decimal, "1.50", "1.50"),
        (.double(0.1), .double, "0.1", "0.1"),
        (.double(.nan), .double, #""NaN""#, "NaN"),
        (.float(-.infinity), .float, #""-Infinity""#, "-Infinity"),
        (.date(0), .date, #""1970-01-01""#, "1970-01-01"),
        (.date(-719_468), .date, #""0000-03-01""#, "0000-03-01"),
        (.date(20_513), .date, #""2026-03-01""#, "2026-03-01"),
        (.time(48_600_000_000_001), .time, #""13:30:00.000000001""#, "13:30:00.000000001"),
        (.timestamp(-1), .timestamp, #""1969-12-31T23:59:59.999Z""#, "1969-12-31T23:59:59.999Z"),
        (
            .uuid(UniqueID("123e4567-e89b-42d3-a456-426614174000")!), .uuid, #""123e4567-e89b-42d3-a456-426614174000""#,
            "123e4567-e89b-42d3-a456-426614174000"
        ),
        (.inet(InternetAddress(v4: 0xC000_0201)), .inet, #""192.0.2.1""#, "192.0.2.1"),
        (.inet(InternetAddress("2001:db8::1")!), .inet, #""2001:db8::1""#, "2001:db8::1"),
        (
            .duration(CalendarDuration(months: 14, days: 3, nanoseconds: 5_000_000_001)!), .duration,
            #""1y2mo3d5s1ns""#, "1y2mo3d5s1ns"
        ),
        (.list([.int(1), .int(2)]), .list(.int, frozen: false), "[1,2]", "[1,2]"),
        (.map([.init(.int(1), .text("a"))]), .map(.int, .text, frozen: false), #"{"1":"a"}"#, #"{"1":"a"}"#),
        (
            .map([.init(.list([.int(1)]), .text("a"))]), .map(.list(.int, frozen: true), .text, frozen: false),
            #"{"[1]":"a"}"#, #"{"[1]":"a"}"#
        ),
        (.tuple([.int(1), nil]), .tuple([.int, .text]), "[1,null]", "[1,null]"),
        (
            .tuple([.int(1), nil, .set([.int(2)])]), .user(RandomValues.point, frozen: true),
            #"{"x":1,"label":null,"tags":[2]}"#, #"{"x":1,"label":null,"tags":[2]}"#
        ),
    ]

    @Test(arguments: known.indices) func knownForms(index: Int) throws {
        let (value, type, json, plain) = RowTextTests.known[index]
        #expect(RowTextTests.json(value, type) == json)
        #expect(RowText.plain(value, as: type) == plain)
        #expect(
            try ValueCodec.encode(try #require(try RowTextTests.read(json, type)), as: type)
                == ValueCodec.encode(value, as: type))
        #expect(
            try ValueCodec.encode(try RowText.value(plain, as: type), as: type) == ValueCodec.encode(value, as: type))
    }

    /// What is written reads back as the same bytes.
    @Test func roundTrip() throws {
        var values = RandomValues(random: TestRun.random("json"))
        for _ in 0..<TestRun.count(10_000) {
            let type = values.anyType()
            let value = try type.canonical(values.value(type))
            let text = RowTextTests.json(value, type)
            let back = try #require(try RowTextTests.read(text, type), TestRun.replay)
            if hasNaN(value) { continue }
            #expect(
                try ValueCodec.encode(back, as: type) == ValueCodec.encode(value, as: type),
                "\(type) \(text); \(TestRun.replay)")
            let plain = RowText.plain(value, as: type)
            #expect(
                try ValueCodec.encode(try RowText.value(plain, as: type), as: type)
                    == ValueCodec.encode(value, as: type),
                "\(type) \(plain); \(TestRun.replay)")
        }
    }

    /// NaN keeps no bits in text.
    func hasNaN(_ value: Value) -> Bool {
        switch value {
        case .double(let v): v.isNaN
        case .float(let v): v.isNaN
        case .list(let v), .set(let v): v.contains(where: hasNaN)
        case .map(let v): v.contains { hasNaN($0.key) || hasNaN($0.value) }
        case .tuple(let v): v.contains { $0.map(hasNaN) ?? false }
        default: false
        }
    }

    @Test(arguments: [
        ("", ColumnType.int, "line 1, column 1"), ("1 2", .int, "line 1, column 3"), ("1.5", .int, "line 1, column 1"),
        ("2147483648", .int, "line 1, column 1"), ("\"x\"", .int, "line 1, column 1"), ("01", .int, "line 1, column 1"),
        ("[1,\n \"é\", x]", .list(.int, frozen: true), "line 2, column 7"),
        ("[1,]", .list(.int, frozen: true), "column 4"),
        ("{\"a\":1,\"a\":2}", .map(.text, .int, frozen: true), "column 8"),
        ("[null]", .list(.int, frozen: true), "column 2"),
        ("{\"x\":1,\"nope\":2}", .user(RandomValues.point, frozen: true), "column 15"), ("\"a", .text, "column 1"),
        ("\"\\ud800\"", .text, "column 2"), ("\"\t\"", .text, "column 2"), ("tru", .boolean, "column 1"),
        ("1e400", .double, "column 1"),
        ("\"2026-02-30\"", .date, "column 1"), ("\"24:00\"", .time, "column 1"), ("\"1.2.3\"", .inet, "column 1"),
        ("\"0x0\"", .blob, "column 1"), ("[1,2,3]", .tuple([.int, .int]), "column 1"), ("NaN", .double, "column 1"),
        ("+1", .int, "column 1"),
        ("\"123e4567-e89b-42d3-a456-426614174000\"", .timeuuid, "column 1"),
    ])
    func faults(text: String, type: ColumnType, place: String) throws {
        do {
            _ = try RowTextTests.read(text, type)
            Issue.record("\(text) was taken as \(type)")
        } catch let fault as TextFault {
            #expect("\(fault)".contains(place), "\(fault)")
        }
    }

    @Test func deepJSONIsRefused() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: TextFault.self) { _ = try JSONParser.parse(deep) }
    }

    @Test func timestamps() {
        let cases: [(String, Int64?)] = [
            ("2026-03-01", 1_772_323_200_000), ("2026-03-01T12:00:00Z", 1_772_366_400_000),
            ("2026-03-01 12:00", 1_772_366_400_000), ("2026-03-01T12:00:00.5+02:00", 1_772_359_200_500),
            ("2026-03-01T12:00:00-0130", 1_772_371_800_000), ("1772323200000", 1_772_323_200_000), ("-5", -5),
            ("2026-03-01T12:00:00.0001Z", nil), ("2026-13-01", nil), ("2026-03-01T25:00", nil), ("yesterday", nil),
            ("2026-03-01T12:00:00+0160", nil), ("26-03-01", nil), ("2026-3-1", nil),
        ]
        for (text, expected) in cases {
            let value = try? RowText.value(text, as: .timestamp)
            #expect(value == expected.map { .timestamp($0) }, "\(text)")
        }
    }

    @Test func addresses() {
        let good = [
            ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("::ffff:1.2.3.4", "::ffff:102:304"),
            ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
            ("255.255.255.255", "255.255.255.255"),
        ]
        for (text, canonical) in good { #expect(InternetAddress(text)?.description == canonical, "\(text)") }
        for bad in [
            "", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1.2.3", "256.1.1.1", "01.2.3.4",
            "12345::", "1:2:3:4:5:6:7::8", "g::", "1.2.3.4::",
        ] {
            #expect(InternetAddress(bad) == nil, "\(bad)")
        }
    }

    @Test func durations() {
        for bad in ["", "-", "1", "d", "1d1mo", "1d1d", "1x", "1.5d", "99999999999999999999d", "3000000000mo", " 1d"] {
            #expect(CalendarDuration(bad) == nil, "\(bad)")
        }
        #expect(CalendarDuration("2w")?.days == 14)
        #expect(CalendarDuration("3µs")?.nanoseconds == 3_000)
        #expect(CalendarDuration("-9223372036854775808ns")?.nanoseconds == .min)
    }

    static func csv(_ text: String, pieces: Int = 1_000) throws -> [[CSVParser.Field]] {
        var records: [[CSVParser.Field]] = []
        var parser = CSVParser()
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            let piece = Array(bytes[start..<min(bytes.count, start + pieces)])
            try piece.withUnsafeBytes {
                try parser.feed($0) { (record: [CSVParser.Field]) throws(Never) in records.append(record) }
            }
        }
        try parser.finish { (record: [CSVParser.Field]) throws(Never) in records.append(record) }
        return records
    }

    @Test func csvRecords() throws {
        let text = "a,b\r\n1,\"x \"\"y\"\",\nz\"\n,\"\"\n\n é ,2"
        for pieces in [1, 2, 3, 100] {
            let records = try RowTextTests.csv(text, pieces: pieces)
            #expect(records.map { $0.map(\.text) } == [["a", "b"], ["1", "x \"y\",\nz"], ["", ""], [" é ", "2"]])
            #expect(records[2].map(\.isNull) == [true, false])
            #expect(records[3].map(\.line) == [6, 6])
            #expect(records[3].map(\.column) == [1, 5])
            #expect(records[1].map(\.line) == [2, 2])
        }
        for bad in ["a\"b", "\"a\"b", "\"a", "a\rb"] {
            #expect(throws: (any Error).self, "\(bad)") { _ = try RowTextTests.csv(bad) }
        }
    }

    @Test func csvRoundTrip() throws {
        var values = RandomValues(random: TestRun.random("csv"))
        for _ in 0..<TestRun.count(1_000) {
            let schema = try TableSchemaTests.random(&values)
            var writer = ByteWriter()
            for (i, column) in schema.columns.enumerated() {
                if i > 0 { writer.text(",") }
                CSVParser.write(column.name, into: &writer)
            }
            writer.text("\n")
            let row = try schema.columns.map { (column) throws -> Value? in
                values.random.oneIn(5) ? nil : try column.type.canonical(values.value(column.type))
            }
            RowText.csv(row, of: schema.columns, into: &writer)
            writer.text("\r\n")
            let records = try RowTextTests.csv(String(decoding: writer.bytes, as: UTF8.self), pieces: 7)
            let columns = try RowText.columns(csv: records[0], of: schema)
            guard records.count == 2 else {
                #expect(schema.columns.count == 1 && row[0] == nil, TestRun.replay)
                continue
            }
            let fields = try RowText.fields(csv: records[1], of: columns)
            for (i, field) in fields.enumerated() {
                if let value = row[i], hasNaN(value) { continue }
                let type = schema.columns[i].type
                #expect(
                    try field.value.map { try ValueCodec.encode($0, as: type) }
                        == row[i].map { try ValueCodec.encode($0, as: type) },
                    TestRun.replay)
            }
        }
    }

    @Test func jsonRows() throws {
        let schema = try TableSchemaTests.views.build()
        let text = #"{"page":"/","at":5,"count":null}"#
        let fields = try Array(text.utf8).withUnsafeBytes { try RowText.fields(json: $0, number: 7, of: schema) }
        #expect(fields.map(\.column.name) == ["page", "at", "count"])
        #expect(fields.map(\.value) == [.text("/"), .timestamp(5), nil])
        do {
            let bad = #"{"page":"/","nope":5}"#
            _ = try Array(bad.utf8).withUnsafeBytes { try RowText.fields(json: $0, number: 7, of: schema) }
            Issue.record("an unknown column was taken")
        } catch let fault as TextFault {
            #expect("\(fault)".contains("line 7, column 20: table site.views has no column \"nope\""), "\(fault)")
        }
    }

    @Test func createTable() throws {
        let schema = try TableSchema.parse(
            keyspace: "ks", name: "t",
            columns: "user text, at timestamp, \"Odd \"\"name\" map<text, frozen<list<int>>>, title text static, "
                + "clicks bigint, PRIMARY KEY (user, at)",
            order: "at desc", defaultTTL: 60, comment: "it's")
        #expect(schema.partitionKey.map(\.name) == ["user"])
        #expect(schema.clustering.map(\.order) == [.descending])
        #expect(schema.statics.map(\.name) == ["title"])
        #expect(schema.regulars.map(\.name) == ["Odd \"name", "clicks"])
        #expect(
            schema.cql == """
                CREATE TABLE ks.t (
                    user text,
                    at timestamp,
                    title text static,
                    "Odd ""name" map<text, frozen<list<int>>>,
                    clicks bigint,
                    PRIMARY KEY (user, at)
                ) WITH CLUSTERING ORDER BY (at DESC)
                    AND default_time_to_live = 60
                    AND comment = 'it''s';
                """)
        #expect(
            try TableSchema.parse(keyspace: "k", name: "t", columns: "a int primary key, b int").partitionKey.count == 1
        )
        #expect(
            try TableSchema.parse(keyspace: "k", name: "t", columns: "a int, b int, PRIMARY KEY ((a, b))").partitionKey
                .count == 2)
        for bad in [
            "", "a int", "a int, PRIMARY KEY (b)", "a, PRIMARY KEY (a)", "a int, PRIMARY KEY (a",
            "a int PRIMARY KEY, PRIMARY KEY (a)",
            "a int, a int, PRIMARY KEY (a)", "a int, PRIMARY KEY (a, a)", "a int static, PRIMARY KEY (a)",
            "a int, PRIMARY KEY (a) b", "a int, PRIMARY KEY ()",
        ] {
            #expect(throws: Failure.self, "\(bad)") {
                _ = try TableSchema.parse(keyspace: "k", name: "t", columns: bad)
            }
        }
        for bad in ["b", "a sideways", "at, at"] {
            #expect(throws: Failure.self, "\(bad)") {
                _ = try TableSchema.parse(
                    keyspace: "k", name: "t", columns: "a int, at int, PRIMARY KEY (a, at)", order: bad)
            }
        }
    }
}
