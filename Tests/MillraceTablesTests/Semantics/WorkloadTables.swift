import MillraceTables

/// The tables that random workloads write to: every kind of column, few keys, so that writes meet.
enum WorkloadTables {
    static let point = UserType(
        keyspace: "w", name: "point", fields: [.init("x", .int), .init("label", .text)])

    static func schemas() throws -> [TableSchema] {
        [
            try TableSchema.Builder("w", "wide").partitionKey("p", .int).clustering("c", .text)
                .clustering("d", .int, .descending).staticColumn("s", .text)
                .staticColumn("sm", .map(.text, .int, frozen: false)).column("a", .int).column("b", .text)
                .column("l", .list(.int, frozen: false)).column("st", .set(.text, frozen: false))
                .column("m", .map(.text, .int, frozen: false)).column("u", .user(point, frozen: false))
                .column("f", .list(.int, frozen: true)).build(),
            try TableSchema.Builder("w", "flat").partitionKey("k", .text).partitionKey("k2", .int).column("v", .blob)
                .column("n", .varint).defaultTTL(7).build(),
            try TableSchema.Builder("w", "narrow").partitionKey("p", .int).clustering("c", .int).column("v", .text)
                .build(),
            try TableSchema.Builder("w", "counts").partitionKey("p", .int).clustering("c", .int).column("n", .counter)
                .column("k", .counter).build(),
        ]
    }
}

/// Where write timestamps come from in a workload.
enum TimestampPolicy: String, CaseIterable {
    /// From the commits: deletions leave nothing behind.
    case commits
    /// Some statements bring any near the clock, older and newer and often the same; the tables remember deletions.
    case any
}
