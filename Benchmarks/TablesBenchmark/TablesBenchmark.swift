import BenchmarkReport
import MillraceCore
import MillraceTables

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

struct TablesBenchmark {
    let directory: String
    let store: TableStore
    let rows: Int
    let runs: Int
    let clock = ShiftedClock()
    /// Random, so that it does not compress, as `db_bench --compression_ratio=1` does.
    let noise: [UInt8]
    /// What was compared so far.
    let results = Lock<[Measurement]>([])

    init(_ directory: String, rows: Int, runs: Int) throws(Failure) {
        (self.directory, self.rows, self.runs) = (directory, rows, runs)
        var options = TableStoreOptions()
        // Purging is measured by itself.
        options.upkeepInterval = nil
        store = try TableStore.open(directory: directory + "/millrace", options: options, clock: clock)
        if store.keyspaces.isEmpty { try store.createKeyspace("bench") }
        var random = SeededRandom(seed: 1)
        noise = (0..<1 << 20).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    func value(_ i: Int) -> Value { .blob(Array(noise[((i * 131) % (1 << 19))...].prefix(100))) }

    /// A table with a partition for each row.
    func plain(_ name: String) throws(Failure) -> StoredTable {
        if let table = store.table("bench", name) { return table }
        return try store.createTable(
            TableSchema.Builder("bench", name).partitionKey("k", .bigint).column("v", .blob).build())
    }
    /// A table with partitions of many rows.
    func series(_ name: String) throws(Failure) -> StoredTable {
        if let table = store.table("bench", name) { return table }
        return try store.createTable(
            TableSchema.Builder("bench", name).partitionKey("k", .bigint).clustering("at", .bigint)
                .column("v", .blob).build())
    }

    /// Wall seconds and the CPU seconds of all threads.
    func timed(_ body: () throws(Failure) -> Void) throws(Failure) -> Took {
        let (start, cpu) = (clock.now, cpuSeconds())
        try body()
        return Took(
            wall: Double((clock.now - start).microseconds) / 1e6, cpu: cpuSeconds() - cpu)
    }

    /// For what has no counterpart.
    func measure(_ name: String, _ count: Int, _ body: () throws(Failure) -> Void) throws(Failure) {
        let took = try timed(body)
        report("\(name): \(Int(took.wall * 1e9) / count) ns/op, CPU \(Int(took.cpu * 1e9) / count); \(count) ops")
    }
}

struct Took {
    var wall: Double
    var cpu: Double
}

/// CPU seconds of all threads of this process.
func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// The machine's clocks with a wall that can be put forward, so that what has been written expires.
final class ShiftedClock: RuntimeClock {
    private let real = SystemClock()
    private let shift = Lock(TimeSpan.zero)

    var now: MonotonicTime { real.now }
    var wall: EventTime { real.wall + shift.withLock { $0 } }
    func sleep(until deadline: MonotonicTime) async throws { try await real.sleep(until: deadline) }
    func schedule(at deadline: MonotonicTime, _ work: @escaping @Sendable () -> Void) -> ClockTimer {
        real.schedule(at: deadline, work)
    }
    func putForward(by span: TimeSpan) { shift.withLock { $0 = $0 + span } }
}
