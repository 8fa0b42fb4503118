import BenchmarkHarness
import MillraceCore
import MillraceFlow

/// Pipelines through the public API, from another module than the library's, against loops written by hand. The gates
/// are wide: they fail when the compiler no longer makes one loop of a pipeline, which costs ten times and more, and
/// when the steady state allocates.
let flowWorkloads: [Workload] = [
    Workload(
        "flow.fused", small: 1 << 20, full: 32 << 20, allocationGate: 0.02, ratioGate: 3, goal: "≤ 1.2×",
        control: ("loop", { records in Prices.shared.byHand(records) }),
        run: { records in
            fusedState.run(records) { $0.reduce(UInt64(0)) { $0 &+ UInt64($1.value) } }
        }),
    Workload(
        "flow.window", small: 1 << 20, full: 32 << 20, allocationGate: 0.02, ratioGate: 15, goal: "≤ 8 ns",
        controlAnswersTheSame: false,
        control: ("flat table", { records in Prices.shared.byFlatTable(records) }),
        run: { records in tumblingState.run(records) { UInt64($0.count) } }),
    Workload(
        "flow.sliding", small: 1 << 20, full: 32 << 20, allocationGate: 0.05, ratioGate: 5, goal: "≤ 2×",
        controlAnswersTheSame: false,
        control: ("tumbling", { records in tumblingStateAgain.run(records) { UInt64($0.count) } }),
        run: { records in slidingState.run(records) { UInt64($0.count) } }),
]

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

/// A hundred batches, gone over again and again; a million records are a second of event time.
private struct Prices: Sendable {
    let all: [Price]
    static let keys = 1_000
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
        let least = Int64(CommandLine.arguments.count)
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
    /// The least that counting by key can cost: one array that the key is an index of.
    func byFlatTable(_ records: Int) -> Workload.Outcome {
        var counts = [Int](repeating: 0, count: Self.keys)
        batches(records) { batch in
            for price in batch where price.size >= 0 {
                counts[Int(truncatingIfNeeded: KeyHash.mix(price.symbol, 1) % UInt64(Self.keys))] &+= 1
            }
        }
        return .init(units: records, hash: UInt64(counts.reduce(0, +)))
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
        return .init(units: records, hash: P.self == Chain.self ? sum : 0, extra: [("results", Double(sum))])
    }
}
private let fusedState = FlowState(Chain(least: Int64(CommandLine.arguments.count)))
private let tumblingState = FlowState(Counts(window: .tumbling(.seconds(1))))
private let tumblingStateAgain = FlowState(Counts(window: .tumbling(.seconds(1))))
private let slidingState = FlowState(Counts(window: .sliding(.seconds(1), every: .milliseconds(100))))
