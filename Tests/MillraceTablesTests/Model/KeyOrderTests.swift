import MillraceCore
import MillraceTables
import Testing

/// The order of encoded keys is CQL's order of the values, for every type that can be in a key. A run compares 270,000
/// pairs one by one, most of them neighbours, and three million by their places in sorted lists. `MILLRACE_SCALE`
/// multiplies the first.
@Suite struct KeyOrderTests {
    static func key(_ value: Value, _ type: ColumnType, _ order: SortOrder = .ascending) throws -> [UInt8] {
        var writer = ByteWriter()
        try KeyEncoder.encode(value, as: type, order: order, into: &writer)
        return writer.bytes
    }

    static func judge(_ a: Value, _ b: Value, _ type: ColumnType) throws {
        let (left, right) = (try ValueCodec.encode(a, as: type), try ValueCodec.encode(b, as: type))
        let truth = CassandraOrder.compare(left[...], right[...], type)
        let (up, down) = (
            CassandraOrder.unsigned(try key(a, type), try key(b, type)),
            CassandraOrder.unsigned(try key(a, type, .descending), try key(b, type, .descending))
        )
        if up != truth || down != -truth {
            Issue.record(
                "\(type): \(a) and \(b) have order \(truth), keys \(up), descending \(down); \(TestRun.replay)")
        }
        let (x, y) = (try ValueCodec.decode(left, as: type), try ValueCodec.decode(right, as: type))
        if type.order(x, y) != truth {
            Issue.record(
                "\(type): \(a) and \(b) have order \(truth), the type says \(type.order(x, y)); \(TestRun.replay)")
        }
        try roundTrip(a, type, serialized: left)
    }

    static func roundTrip(_ value: Value, _ type: ColumnType, serialized: [UInt8]) throws {
        for order in [SortOrder.ascending, .descending] {
            let key = try key(value, type, order)
            // What follows must not change how the key is read.
            for tail in [[], [0x00], [0xFF]] as [[UInt8]] {
                try (key + tail).withUnsafeBytes { raw in
                    var decoder = KeyDecoder(raw)
                    let back = try ValueCodec.encode(try decoder.value(as: type, order: order), as: type)
                    let same = CassandraOrder.compare(back[...], serialized[...], type) == 0
                    if !same || decoder.position != key.count {
                        Issue.record("\(type) \(value) came back as \(back) from \(key); \(TestRun.replay)")
                    }
                    var skipper = KeyDecoder(raw)
                    try skipper.skip(type, order: order)
                    #expect(skipper.position == key.count)
                }
            }
        }
    }

    @Test(arguments: RandomValues.keyScalars) func scalar(type: ColumnType) throws {
        var values = RandomValues(random: TestRun.random("\(type)"))
        for _ in 0..<TestRun.count(12_000) {
            let a = values.value(type)
            try KeyOrderTests.judge(a, values.neighbour(of: a, type), type)
        }
    }

    @Test func nested() throws {
        var values = RandomValues(random: TestRun.random("nested"))
        for _ in 0..<TestRun.count(45_000) {
            let type = values.keyType()
            let a = values.value(type)
            try KeyOrderTests.judge(a, values.neighbour(of: a, type), type)
        }
    }

    /// Values whose keys are in order are in order themselves, each with the next: both orders are total, so every pair
    /// of them is.
    static func judge(_ keys: [(key: [UInt8], value: Int)], _ truth: (Int, Int) throws -> Int) throws -> Int {
        let sorted = keys.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        for (a, b) in zip(sorted, sorted.dropFirst()) {
            let expected = try truth(a.value, b.value)
            #expect(expected == (a.key == b.key ? 0 : -1), "\(a.key) and \(b.key); \(TestRun.replay)")
        }
        return keys.count * (keys.count - 1) / 2
    }

    @Test func everyPairOfMany() throws {
        var pairs = 0
        var values = RandomValues(random: TestRun.random("pairs"))
        for type in RandomValues.keyScalars {
            let many = (0..<500).map { _ in values.value(type) }
            let bytes = try many.map { try ValueCodec.encode($0, as: type) }
            for order in [SortOrder.ascending, .descending] {
                let keys = try many.indices.map { (try KeyOrderTests.key(many[$0], type, order), $0) }
                pairs += try KeyOrderTests.judge(keys) { a, b in
                    let truth = CassandraOrder.compare(bytes[a][...], bytes[b][...], type)
                    return order == .ascending ? truth : -truth
                }
            }
        }
        // Rows of several clustering columns of mixed directions, with few values each so that later columns decide.
        for _ in 0..<8 {
            let columns = (0...1 + values.random.below(3)).map { _ in
                (type: values.keyType(), order: values.random.oneIn(2) ? SortOrder.ascending : .descending)
            }
            let choices = columns.map { column in (0..<4).map { _ in values.value(column.type) } }
            let rows = (0..<300).map { _ in choices.map { values.random.pick($0) } }
            let keys = try rows.indices.map { row in
                (try zip(rows[row], columns).flatMap { try KeyOrderTests.key($0, $1.type, $1.order) }, row)
            }
            pairs += try KeyOrderTests.judge(keys) { a, b in
                for (i, column) in columns.enumerated() {
                    let (x, y) = (
                        try ValueCodec.encode(rows[a][i], as: column.type),
                        try ValueCodec.encode(rows[b][i], as: column.type)
                    )
                    let truth = CassandraOrder.compare(x[...], y[...], column.type)
                    if truth != 0 { return column.order == .ascending ? truth : -truth }
                }
                return 0
            }
        }
        #expect(pairs > 3_000_000)
    }

    /// Rows in a table with several clustering columns of mixed directions.
    @Test func mixedRows() throws {
        var values = RandomValues(random: TestRun.random("rows"))
        for _ in 0..<TestRun.count(9_000) {
            var builder = TableSchema.Builder("ks", "t").partitionKey("p", .int)
            for i in 0...values.random.below(4) {
                builder = builder.clustering(
                    "c\(i)", values.keyType(), values.random.oneIn(2) ? .ascending : .descending)
            }
            let schema = try builder.build()
            let a = schema.clustering.map { values.value($0.type) }
            var b = a
            for i in b.indices where values.random.oneIn(2) {
                b[i] = values.neighbour(of: a[i], schema.clustering[schema.clustering.startIndex + i].type)
            }
            var truth = 0
            for (i, column) in schema.clustering.enumerated() where truth == 0 {
                let (x, y) = (
                    try ValueCodec.encode(a[i], as: column.type), try ValueCodec.encode(b[i], as: column.type)
                )
                let order = CassandraOrder.compare(x[...], y[...], column.type)
                truth = column.order == .ascending ? order : -order
            }
            var (left, right) = (ByteWriter(), ByteWriter())
            try schema.encodeClustering(a, into: &left)
            try schema.encodeClustering(b, into: &right)
            #expect(
                CassandraOrder.unsigned(left.bytes, right.bytes) == truth,
                "\(a) \(b) in \(schema.columns); \(TestRun.replay)")
            let back = try left.bytes.withUnsafeBytes { try schema.decodeClustering($0) }
            var again = ByteWriter()
            try schema.encodeClustering(back, into: &again)
            #expect(again.bytes == left.bytes, TestRun.replay)

            // The slice of a prefix holds exactly the rows with that prefix.
            let count = values.random.below(a.count + 1)
            var prefix = ByteWriter()
            try schema.encodeClustering(a.prefix(count), into: &prefix)
            let inside = b.prefix(count).enumerated().allSatisfy { i, value in
                let type = schema.clustering[schema.clustering.startIndex + i].type
                return (try? KeyOrderTests.key(value, type)) == (try? KeyOrderTests.key(a[i], type))
            }
            let end = KeyBound.after(prefix.bytes)
            let within =
                CassandraOrder.unsigned(right.bytes, prefix.bytes) >= 0
                && end.map { CassandraOrder.unsigned(right.bytes, $0) < 0 } ?? true
            #expect(within == inside, "\(a.prefix(count)) \(b) in \(schema.columns); \(TestRun.replay)")
        }
    }

    @Test func boundsAfterPrefixes() {
        #expect(KeyBound.after([1, 2]) == [1, 3])
        #expect(KeyBound.after([1, 0xFF, 0xFF]) == [2])
        #expect(KeyBound.after([0xFF]) == nil)
        #expect(KeyBound.after([]) == nil)
    }

    @Test func whatHasNoOrderIsRefused() {
        #expect(throws: Failure.self) {
            try KeyOrderTests.key(.duration(CalendarDuration(months: 1, days: 0, nanoseconds: 0)!), .duration)
        }
        #expect(throws: Failure.self) { try KeyOrderTests.key(.bigint(1), .counter) }
        #expect(throws: Failure.self) { try KeyOrderTests.key(.int(1), .bigint) }
        #expect(throws: Failure.self) { try KeyOrderTests.key(.text("é"), .ascii) }
        #expect(throws: Failure.self) { try KeyOrderTests.key(.time(86_400_000_000_000), .time) }
        #expect(throws: Failure.self) { try KeyOrderTests.key(.uuid(UniqueID(high: 0x4000, low: 0)), .timeuuid) }
    }

    /// Whatever the bytes: no trap, and what is read has that one encoding.
    @Test func strangeBytes() {
        var values = RandomValues(random: TestRun.random("strange"))
        for _ in 0..<TestRun.count(20_000) {
            let type = values.keyType()
            var bytes = (0..<values.random.below(24)).map { _ in
                UInt8(values.random.pick([0, 1, 0xFF, values.random.below(256)]))
            }
            if values.random.oneIn(2), let key = try? KeyOrderTests.key(values.value(type), type) {
                bytes = key
                if !bytes.isEmpty { bytes[values.random.below(bytes.count)] = UInt8(values.random.below(256)) }
            }
            let order: SortOrder = values.random.oneIn(2) ? .ascending : .descending
            bytes.withUnsafeBytes { raw in
                var decoder = KeyDecoder(raw)
                guard let value = try? decoder.value(as: type, order: order) else { return }
                let again = try? KeyOrderTests.key(value, type, order)
                #expect(again == Array(bytes[..<decoder.position]), "\(type) \(value); \(TestRun.replay)")
            }
        }
    }
}
