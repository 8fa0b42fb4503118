import BenchmarkHarness
import MillraceCore
import MillraceFlow

/// Pipelines through the public API, from another module than the library's, against loops written by hand. The gates
/// are wide: they fail when the compiler no longer makes one loop of a pipeline, which costs ten times and more, and
/// when the steady state allocates.
let flowWorkloads: [Workload] = [
    Workload(
        "flow.fused", small: Prices.second, full: 32 * Prices.second, allocationGate: 0.02, instructionGate: 60,
        retainGate: 0.001, ratioGate: 3, goal: "≤ 1.2×",
        control: ("loop", { records in Prices.shared.byHand(records) }),
        run: { records in
            fusedState.run(records) { $0.reduce(UInt64(0)) { $0 &+ UInt64($1.value) } }
        }),
    Workload(
        "flow.window", small: Prices.second, full: 32 * Prices.second, allocationGate: 0.02, instructionGate: 140,
        retainGate: 0.01, ratioGate: 15, goal: "≤ 8 ns",
        control: ("flat table", { records in Prices.shared.byFlatTable(records) }),
        run: { records in tumblingState.run(records, paneHash) }),
    Workload(
        "flow.stages", small: Prices.second, full: 32 * Prices.second, allocationGate: 0.05, ratioGate: 15,
        goal: "≤ 8 ns", controlAnswersTheSame: false,
        control: ("flat table", { records in Prices.shared.byFlatTable(records) }),
        run: { records in busiestState.run(records) { UInt64($0.count) } }),
    Workload(
        "flow.sliding", small: Prices.second, full: 32 * Prices.second, allocationGate: 0.05, instructionGate: 160,
        retainGate: 0.05, ratioGate: 5, goal: "≤ 2×",
        control: (
            "tumbling",
            { records in
                var outcome = tumblingStateAgain.run(records, paneHash)
                // Every record is in ten of the windows.
                outcome.hash = outcome.hash &* 10
                return outcome
            }
        ),
        run: { records in slidingState.run(records, paneHash) }),
]

/// Whatever the order of the panes. The windows that end in a run hold as many records as the run, the same ones in
/// every run but the first, which only warms up: the last batch is of the window that goes on, and all runs end with
/// equal ones.
func paneHash(_ panes: UnsafeBufferPointer<ValueBuffer<Pane<UInt64, Int>>.Element>) -> UInt64 {
    panes.reduce(UInt64(0)) { $0 &+ KeyHash.mix($1.value.key, 1) &* UInt64($1.value.value) }
}

private struct Price: KeyedRecord {
    var symbol: UInt64
    var price: Double
    var size: Int64
    var key: UInt64 { symbol }
    func store(into writer: inout ByteWriter) {
        writer.integer(symbol)
        writer.double(price)
        writer.integer(size)
    }
    static func load(from reader: inout ByteReader) throws -> Price {
        Price(symbol: try reader.integer(), price: try reader.double(), size: try reader.integer())
    }
    func encode(into writer: inout ByteWriter) { store(into: &writer) }
    static func decode(key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?) throws -> Price {
        guard let value else { throw ByteFault(.truncated, at: 0) }
        var reader = ByteReader(value)
        return try load(from: &reader)
    }
}

private struct Chain: Pipeline {
    var least: Int64
    var body: some Flow<Price, Double> {
        Events<Price>()
            .filter { $0.size > least }
            .map(to: Double.self) { $0.price * Double($0.size) }
            .filter { $0 > 100 }
    }
}
private struct Counts: Pipeline {
    var window: TimeWindow
    var body: some Flow<Price, Pane<UInt64, Int>> {
        Events<Price>().filter { $0.size >= 0 }.keyed().window(window).count()
    }
}

/// Two shuffles, so three stages. The first is measured: the compiler has the longest way to it.
private struct Busiest: Pipeline {
    var body: some Flow<Price, Pane<Int, Int>> {
        Events<Price>().filter { $0.size >= 0 }
            .keyed(by: \.symbol).window(.tumbling(.seconds(1))).count()
            .map(to: Int.self) { $0.value }
            .keyed(by: { $0 % 10 }).window(.tumbling(.seconds(1))).max({ $0 }, named: "most")
    }
}

/// A hundred batches, gone over again and again; a million records are a second of event time.
private struct Prices: Sendable {
    let all: [Price]
    static let keys = 1_000
    /// Records of one second of event time: runs of whole seconds end as many windows as they begin.
    static let second = 1_000_000
    /// 1, which the compiler cannot know.
    static let least = Int64(min(1, CommandLine.arguments.count))
    static let shared = Prices()
    private init() {
        var random = SeededRandom(seed: 7)
        all = (0..<100 * Limits.recordsPerBatch).map { index in
            Price(
                symbol: random.next(upperBound: UInt64(Self.keys)), price: Double(index & 1023), size: Int64(index & 7))
        }
    }
    /// Calls `body` with batches until `records` are through.
    func batches(_ records: Int, _ body: (UnsafeBufferPointer<Price>) -> Void) {
        all.withUnsafeBufferPointer { all in
            var left = records
            var start = 0
            while left > 0 {
                let count = min(left, Limits.recordsPerBatch)
                body(UnsafeBufferPointer(rebasing: all[start..<start + count]))
                left -= count
                start = start + Limits.recordsPerBatch == all.count ? 0 : start + Limits.recordsPerBatch
            }
        }
    }

    func byHand(_ records: Int) -> Workload.Outcome {
        let least = Self.least
        var hash: UInt64 = 0
        var kept: [(Double, EventTime)] = []
        kept.reserveCapacity(Limits.recordsPerBatch)
        var time = EventTime.seconds(0)
        batches(records) { batch in
            for price in batch where price.size > least {
                let amount = price.price * Double(price.size)
                if amount > 100 { kept.append((amount, time)) }
            }
            for entry in kept { hash = hash &+ UInt64(entry.0) }
            kept.removeAll(keepingCapacity: true)
            time = time + .microseconds(Int64(batch.count))
        }
        return .init(units: records, hash: hash)
    }
    /// The least that counting by key can cost: one table, open addressing, no windows.
    func byFlatTable(_ records: Int) -> Workload.Outcome {
        let none = UInt64.max
        let mask = 4_095
        var table = [(key: UInt64, count: Int)](repeating: (none, 0), count: mask + 1)
        batches(records) { batch in
            for price in batch where price.size >= 0 {
                var slot = Int(truncatingIfNeeded: KeyHash.mix(price.symbol, 1)) & mask
                while table[slot].key != price.symbol, table[slot].key != none { slot = (slot + 1) & mask }
                table[slot].key = price.symbol
                table[slot].count &+= 1
            }
        }
        let hash = table.filter { $0.count > 0 }.reduce(UInt64(0)) {
            $0 &+ KeyHash.mix($1.key, 1) &* UInt64($1.count)
        }
        return .init(units: records, hash: hash)
    }
}

/// A kernel that is made once, so that what is counted is the steady state.
///
/// `@unchecked Sendable` because the suite runs its workloads one after the other on one thread.
private final class FlowState<P: Pipeline>: @unchecked Sendable where P.Input == Price {
    private let kernel: StageKernel?
    private let input: TypedInput<Price>?
    private let output = ValueBuffer<P.Output>()
    private var out = StageOutput()
    private var time = EventTime.seconds(0)

    init(_ pipeline: P) {
        kernel = try? Plan(values: pipeline, into: output).stages[0].makeKernel(KernelOptions(seed: 5))
        input = kernel?.values(of: Price.self)
    }
    func run(
        _ records: Int, _ hash: (UnsafeBufferPointer<ValueBuffer<P.Output>.Element>) -> UInt64
    ) -> Workload.Outcome {
        guard let kernel, let input else { return .init(units: 0, hash: 0) }
        var sum: UInt64 = 0
        Prices.shared.batches(records) { batch in
            time = time + .microseconds(Int64(batch.count))
            input.process(batch, at: time, into: &out)
            kernel.advance(to: kernel.observed, into: &out)
            sum = sum &+ output.withValues(hash)
            output.removeAll()
            out.removeAll()
        }
        return .init(units: records, hash: sum)
    }
}
private let fusedState = FlowState(Chain(least: Prices.least))
private let tumblingState = FlowState(Counts(window: .tumbling(.seconds(1))))
private let tumblingStateAgain = FlowState(Counts(window: .tumbling(.seconds(1))))
private let busiestState = FlowState(Busiest())
private let slidingState = FlowState(Counts(window: .sliding(.seconds(1), every: .milliseconds(100))))
