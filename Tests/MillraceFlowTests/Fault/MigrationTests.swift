import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

/// The first release kept a mean as a sum and a count of 32 bits; the second keeps both as they should have been.
private struct OldMean: MergeableAggregate {
    struct Kept: Storable {
        var sum: Float = 0
        var count: Int32 = 0
        func store(into writer: inout ByteWriter) {
            sum.store(into: &writer)
            count.store(into: &writer)
        }
        static func load(from reader: inout ByteReader) throws -> Kept {
            Kept(sum: try .load(from: &reader), count: try .load(from: &reader))
        }
    }
    func makeAccumulator() -> Kept { Kept() }
    func add(_ click: Click, to kept: inout Kept) {
        kept.sum += Float(click.amount)
        kept.count += 1
    }
    func merge(_ other: Kept, into kept: inout Kept) {
        kept.sum += other.sum
        kept.count += other.count
    }
    func result(of kept: Kept) -> Double { Double(kept.sum) / Double(kept.count) }
}
private struct NewMean: MergeableAggregate {
    var knowsOld = true
    struct Kept: Storable {
        var sum: Double = 0
        var count = 0
        func store(into writer: inout ByteWriter) {
            sum.store(into: &writer)
            count.store(into: &writer)
        }
        static func load(from reader: inout ByteReader) throws -> Kept {
            Kept(sum: try .load(from: &reader), count: try .load(from: &reader))
        }
    }
    var version: Int { 2 }
    func migrate(_ stored: inout ByteReader, from version: Int) throws -> Kept? {
        guard version == 1, knowsOld else { return nil }
        let old = try OldMean.Kept.load(from: &stored)
        return Kept(sum: Double(old.sum), count: Int(old.count))
    }
    func makeAccumulator() -> Kept { Kept() }
    func add(_ click: Click, to kept: inout Kept) {
        kept.sum += Double(click.amount)
        kept.count += 1
    }
    func merge(_ other: Kept, into kept: inout Kept) {
        kept.sum += other.sum
        kept.count += other.count
    }
    func result(of kept: Kept) -> Double { kept.sum / Double(kept.count) }
}

private struct Windowed<A: MergeableAggregate>: Pipeline where A.Element == Click, A.Result == Double {
    var aggregate: A
    var size: Int64 = 10
    var trigger = Trigger.atWatermark
    var body: some Flow<Click, Pane<String, Double>> {
        Events<Click>().keyed().window(.tumbling(.seconds(size)), at: \.at, lateness: .seconds(9), trigger: trigger)
            .aggregate(aggregate, named: "mean")
    }
}
private struct Sessions<A: MergeableAggregate>: Pipeline where A.Element == Click, A.Result == Double {
    var aggregate: A
    var body: some Flow<Click, Pane<String, Double>> {
        Events<Click>().keyed().window(.session(gap: .seconds(5)), at: \.at).aggregate(aggregate, named: "mean")
    }
}
private struct Counted<A: MergeableAggregate>: Pipeline where A.Element == Click, A.Result == Double {
    var aggregate: A
    var body: some Flow<Click, Pane<String, Double>> {
        Events<Click>().timed(by: \.at).keyed().window(.count(3)).aggregate(aggregate, named: "mean")
    }
}
private struct Runs<A: MergeableAggregate>: Pipeline where A.Element == Click, A.Result == Double {
    var aggregate: A
    var body: some Flow<Click, Keyed<String, Double>> {
        Events<Click>().timed(by: \.at).keyed().running(aggregate, named: "mean")
    }
}
private struct Two<A: MergeableAggregate>: Pipeline where A.Element == Click, A.Result == Double {
    var aggregate: A
    var body: some Flow<Click, Pane<String, Double>> {
        Events<Click>().keyed().window(.tumbling(.seconds(10)), at: \.at)
            .aggregate(Count(), aggregate, to: Double.self, named: "mean") { Double($0) * 1_000 + $1 }
    }
}

@Suite struct MigrationTests {
    /// Runs the old pipeline on the first clicks and the new one on the rest, from what the old one stored.
    private func over<P: Pipeline, Q: Pipeline>(
        _ old: P, _ new: Q, _ first: [Click], _ rest: [Click], evicts: Bool = false
    ) throws -> [Q.Output] where P.Input == Click, Q.Input == Click {
        let store = MemoryState()
        let buffer = ValueBuffer<P.Output>()
        let before = try Plan(values: old, into: buffer).stages[0].makeKernel(KernelOptions())
        var out = StageOutput()
        first.withUnsafeBufferPointer { before.values(of: Click.self)?.process($0, at: .distantPast, into: &out) }
        var delta = StateDelta()
        before.takeDelta(into: &delta)
        store.apply(delta)
        let results = ValueBuffer<Q.Output>()
        let plan = try Plan(values: new, into: results)
        var kernel = plan.stages[0].makeKernel(KernelOptions())
        try kernel.restore(from: store, watermark: before.watermark)
        // What was brought over is stored in the new form, once.
        for isFirst in [true, false] {
            var again = StateDelta()
            kernel.takeDelta(into: &again)
            #expect((again.count > 0) == isFirst)
            store.apply(again)
        }
        let watermark = kernel.watermark
        kernel = plan.stages[0].makeKernel(KernelOptions())
        try kernel.restore(from: store, watermark: watermark)
        if evicts { _ = kernel.evict(downTo: 0) }
        rest.withUnsafeBufferPointer { kernel.values(of: Click.self)?.process($0, at: .distantPast, into: &out) }
        kernel.advance(to: .seconds(60), into: &out)
        return results.values.map(\.value)
    }
    private let first = [Click("a", 1, amount: 10), Click("b", 2, amount: 5)]
    private let rest = [Click("a", 3, amount: 20)]

    @Test func windows() throws {
        for evicts in [true, false] {
            let panes = try over(
                Windowed(aggregate: OldMean()), Windowed(aggregate: NewMean()), first, rest, evicts: evicts)
            #expect(Dictionary(uniqueKeysWithValues: panes.map { ($0.key, $0.value) }) == ["a": 15, "b": 5])
        }
    }
    /// What was sent last is kept too, and is taken back in the new form.
    @Test func retractions() throws {
        let trigger = Trigger.atWatermark(early: .count(1), panes: .retracting)
        let panes = try over(
            Windowed(aggregate: OldMean(), trigger: trigger), Windowed(aggregate: NewMean(), trigger: trigger), first,
            rest)
        #expect(panes.filter { $0.key == "a" }.prefix(2).map(\.value) == [10, 15])
        #expect(panes.first?.info.isRetraction == true)
    }
    @Test func sessionsCountsAndRunning() throws {
        let sessions = try over(Sessions(aggregate: OldMean()), Sessions(aggregate: NewMean()), first, rest)
        #expect(Dictionary(uniqueKeysWithValues: sessions.map { ($0.key, $0.value) }) == ["a": 15, "b": 5])
        let counted = try over(
            Counted(aggregate: OldMean()), Counted(aggregate: NewMean()), first, rest + [Click("a", 4, amount: 3)])
        #expect(counted.map(\.value) == [11])
        let runs = try over(Runs(aggregate: OldMean()), Runs(aggregate: NewMean()), first, rest)
        #expect(runs.map(\.value) == [15])
    }
    @Test func oneOfSeveralAggregates() throws {
        let panes = try over(Two(aggregate: OldMean()), Two(aggregate: NewMean()), first, rest)
        #expect(Dictionary(uniqueKeysWithValues: panes.map { ($0.key, $0.value) }) == ["a": 2_015, "b": 1_005])
    }

    /// Nothing runs on state that cannot be brought over.
    @Test func refusedBeforeAnythingRuns() throws {
        func refusal(_ body: () throws -> Void) -> Failure? {
            do { try body() } catch { return error as? Failure }
            return nil
        }
        let found = [
            // Version 2 that knows nothing of version 1; an older program; another window; another key type.
            refusal {
                _ = try over(Windowed(aggregate: OldMean()), Windowed(aggregate: NewMean(knowsOld: false)), first, rest)
            },
            refusal { _ = try over(Windowed(aggregate: NewMean()), Windowed(aggregate: OldMean()), first, rest) },
            refusal {
                _ = try over(Windowed(aggregate: OldMean()), Windowed(aggregate: NewMean(), size: 20), first, rest)
            },
            refusal {
                _ = try over(Runs(aggregate: OldMean()), Runs(aggregate: NewMean(knowsOld: false)), first, rest)
            },
            refusal { _ = try over(Runs(aggregate: NewMean()), Runs(aggregate: OldMean()), first, rest) },
            refusal {
                _ = try over(Sessions(aggregate: OldMean()), Sessions(aggregate: NewMean(knowsOld: false)), first, rest)
            },
        ]
        #expect(found.map { $0?.code } == Array(repeating: .incompatible, count: found.count))
        #expect(found.allSatisfy { $0?.advice.isEmpty == false && $0?.place == "mean" })
        #expect(found[0]?.advice.contains("migrate(_:from:)") == true)
    }
}
