import MillraceCore
import MillraceFlow

/// filter → map → filter: what a chain costs against the loop one would write.
enum Fused {
    struct Chain: Pipeline {
        var least: Int64
        var body: some Flow<Trade, Double> {
            Events<Trade>()
                .filter { $0.size > least }
                .map(to: Double.self) { $0.price * Double($0.size) }
                .filter { $0 > 100 }
        }
    }

    static func run(rounds: Int, records: Int) throws {
        let all = trades(records, keys: 1_000)
        defer { all.deallocate() }
        let least: Int64 = Int64(CommandLine.arguments.count) + 1
        let output = ValueBuffer<Double>()
        let plan = try Plan(values: Chain(least: least), into: output)
        let kernel = plan.stages[0].makeKernel(KernelOptions())
        guard let input = kernel.values(of: Trade.self) else { return }
        var out = StageOutput()
        func sum() -> UInt64 {
            var total = 0.0
            input.feed(all, into: &out) { _ in
                output.withValues { for entry in $0 { total += entry.value } }
                output.removeAll()
            }
            return UInt64(total)
        }
        let ours = measure("fused filter-map-filter", rounds: rounds, records: records, sum)
        var values: [(Double, EventTime)] = []
        func byHand() -> UInt64 {
            var total = 0.0
            var start = 0
            while start < all.count {
                let end = min(start + Limits.recordsPerBatch, all.count)
                for index in start..<end where all[index].size > least {
                    let amount = all[index].price * Double(all[index].size)
                    if amount > 100 { values.append((amount, all[index].at)) }
                }
                for entry in values { total += entry.0 }
                values.removeAll(keepingCapacity: true)
                start = end
            }
            return UInt64(total)
        }
        let hand = measure("the same by hand", rounds: rounds, records: records, byHand)
        print("  ratio \((ours / hand).rounded(toPlaces: 2)) (goal 1.2)")
    }
}
