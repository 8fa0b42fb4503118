import BenchmarkHarness
import MillraceCore
import MillraceFlow

/// Counts by key in a window of the records' own time: with few keys, and with more than any cache holds. Making the
/// records and the results at the end are not in what is measured.
let keyedWorkloads: [Workload] =
    [(1_000, "1k", "≤ 8 ns"), (100_000, "100k", ""), (10_000_000, "10M", "")].map { keys, name, goal in
        Workload(
            "flow.keyed.\(name)", small: 1 << 20, full: 8 << 20, goal: goal,
            control: ("array", { records in Trades(records, keys: keys).byHand() }),
            run: { records in try Trades(records, keys: keys).counted() })
    } + [
        Workload(
            "flow.keyed.10M.again", small: 1 << 20, full: 8 << 20, controlAnswersTheSame: false,
            control: ("array", { records in Trades(records, keys: 10_000_000).byHand() }),
            run: { records in try Trades(records, keys: 10_000_000).counted(isAgain: true) })
    ]

private struct Trade: KeyedRecord {
    var symbol: UInt64
    var price: Double
    var size: Int64
    var at: EventTime
    var key: UInt64 { symbol }

    func encode(into writer: inout ByteWriter) { preconditionFailure("these records are never bytes") }
    func store(into writer: inout ByteWriter) { preconditionFailure("these records are never bytes") }
    static func load(from reader: inout ByteReader) throws -> Trade { throw ByteFault(.unknownValue, at: 0) }
    static func decode(key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?) throws -> Trade {
        throw ByteFault(.unknownValue, at: 0)
    }
}

private struct Counts: Pipeline {
    var body: some Flow<Trade, Pane<UInt64, Int>> {
        Events<Trade>().filter { $0.size >= 0 }.keyed().window(.tumbling(.seconds(10)), at: \.at).count()
    }
}

/// A second of event time for each million, so that all are in one window.
private struct Trades {
    private let all: [Trade]
    private let keys: Int

    init(_ count: Int, keys: Int) {
        precondition(count < 10_000_000, "more than the window holds")
        self.keys = keys
        var random = SeededRandom(seed: 7)
        all = (0..<count).map { index in
            Trade(
                symbol: random.next(upperBound: UInt64(keys)), price: Double(index & 1023), size: Int64(index & 7),
                at: EventTime(microseconds: Int64(index)))
        }
    }

    /// - Parameter isAgain: every key is there already.
    func counted(isAgain: Bool = false) throws -> Workload.Outcome {
        let output = ValueBuffer<Pane<UInt64, Int>>()
        let kernel = try Plan(values: Counts(), into: output).stages[0].makeKernel(KernelOptions(seed: 5))
        guard let input = kernel.values(of: Trade.self) else { return .init(units: 0, hash: 0) }
        var out = StageOutput()
        func feed() {
            all.withUnsafeBufferPointer { all in
                for start in stride(from: 0, to: all.count, by: Limits.recordsPerBatch) {
                    let end = min(start + Limits.recordsPerBatch, all.count)
                    input.process(UnsafeBufferPointer(rebasing: all[start..<end]), at: .distantPast, into: &out)
                }
            }
        }
        if isAgain { feed() }
        let ((), part) = Part.timing(feed)
        kernel.advance(to: .distantFuture, into: &out)
        return .init(units: all.count, hash: output.withValues(paneHash), part: part)
    }

    /// The floor: a counter for each key in one array.
    func byHand() -> Workload.Outcome {
        var counts = [Int](repeating: 0, count: keys)
        let ((), part) = Part.timing { for trade in all where trade.size >= 0 { counts[Int(trade.symbol)] &+= 1 } }
        let hash = counts.indices.reduce(UInt64(0)) {
            $0 &+ KeyHash.mix(UInt64($1), 1) &* UInt64(counts[$1])
        }
        return .init(units: all.count, hash: hash, part: part)
    }
}
