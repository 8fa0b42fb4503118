import Counters
import Glibc
import MillraceCore
import MillraceFlow

/// Nanoseconds per record of operators and windows, against loops written by hand. Run in release:
/// `swift run -c release FlowBenchmark`.
@main struct FlowBenchmark {
    static func main() throws {
        let smoke = CommandLine.arguments.contains("--smoke")
        let rounds = smoke ? 1 : 5
        let millions = smoke ? 1 : 8
        if CommandLine.arguments.contains("--far") {
            return try Keyed.run(rounds: 1, records: 32 << 20, keys: 10_000_000)
        }
        try Fused.run(rounds: rounds, records: millions << 20)
        for keys in [1_000, 100_000] + (smoke ? [] : [10_000_000]) {
            try Keyed.run(
                rounds: keys > 1_000_000 ? 1 : rounds, records: (keys > 1_000_000 ? 4 : 1) * millions << 20, keys: keys)
        }
    }
}

struct Trade: Record {
    var symbol: UInt64
    var price: Double
    var size: Int64
    var at: EventTime
    func store(into writer: inout ByteWriter) {
        writer.integer(symbol)
        writer.double(price)
        writer.integer(size)
        at.store(into: &writer)
    }
    static func load(from reader: inout ByteReader) throws -> Trade {
        Trade(
            symbol: try reader.integer(), price: try reader.double(), size: try reader.integer(),
            at: try .load(from: &reader))
    }
    func encode(into writer: inout ByteWriter) { store(into: &writer) }
    static func decode(key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?) throws -> Trade {
        guard let value else { throw ByteFault(.truncated, at: 0) }
        var reader = ByteReader(value)
        return try load(from: &reader)
    }
}

/// Best of several rounds, in nanoseconds of this thread's CPU time per record: other programs do not count.
func measure(_ name: String, rounds: Int, records: Int, _ body: () -> UInt64) -> Double {
    var best = Double.infinity
    var result: UInt64 = 0
    var allocations: Int64 = 0
    for _ in 0..<rounds {
        let before = counted_allocations()
        let start = cpuNanoseconds()
        result = body()
        best = min(best, Double(cpuNanoseconds() - start))
        allocations = counted_allocations() - before
    }
    let perRecord = best / Double(records)
    let perThousand = Double(allocations) * 1_000 / Double(records)
    print(
        "\(name): \(perRecord.rounded(toPlaces: 2)) ns/record, "
            + "\(perThousand.rounded(toPlaces: 3)) allocations per 1,000 (result \(result))")
    return perRecord
}

func cpuNanoseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

extension Double {
    func rounded(toPlaces places: Int) -> Double {
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        return (self * scale).rounded() / scale
    }
}

/// Records in batches, made once so that making them is not measured.
func trades(_ count: Int, keys: Int, perSecond: Int64 = 1_000_000) -> UnsafeMutableBufferPointer<Trade> {
    var random = SeededRandom(seed: 7)
    let all = UnsafeMutableBufferPointer<Trade>.allocate(capacity: count)
    for index in 0..<count {
        let at = EventTime(microseconds: Int64(index) * 1_000_000 / perSecond)
        all.initializeElement(
            at: index,
            to: Trade(
                symbol: random.next(upperBound: UInt64(keys)), price: Double(index & 1023), size: Int64(index & 7),
                at: at))
    }
    return all
}

extension TypedInput {
    /// Feeds everything in batches; `after` runs between batches.
    func feed(
        _ all: UnsafeMutableBufferPointer<Value>, into out: inout StageOutput, after: (inout StageOutput) -> Void
    ) {
        var start = 0
        while start < all.count {
            let end = min(start + Limits.recordsPerBatch, all.count)
            process(UnsafeBufferPointer(rebasing: all[start..<end]), at: .distantPast, into: &out)
            after(&out)
            start = end
        }
    }
}
