import MillraceCore
import MillraceFlow

/// Keyed counts in windows: local, and with the pre-combining stage in front of a shuffle.
enum Keyed {
    struct Local: Pipeline {
        var window: TimeWindow
        var body: some Flow<Tick, Pane<UInt64, Int>> {
            Events<Tick>()
                .filter { $0.trade.size >= 0 }
                .keyed()
                .window(window, at: \.trade.at)
                .count()
        }
    }
    struct Shuffled: Pipeline {
        var window: TimeWindow
        var body: some Flow<Trade, Pane<UInt64, Int>> {
            Events<Trade>()
                .filter { $0.size >= 0 }
                .keyed(by: \.symbol)
                .window(window, at: \.at)
                .count()
        }
    }
    /// A trade whose key is the record's own.
    struct Tick: KeyedRecord {
        var trade: Trade
        var key: UInt64 { trade.symbol }
        func store(into writer: inout ByteWriter) { trade.store(into: &writer) }
        static func load(from reader: inout ByteReader) throws -> Tick { Tick(trade: try .load(from: &reader)) }
        func encode(into writer: inout ByteWriter) { trade.encode(into: &writer) }
        static func decode(key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?) throws -> Tick {
            Tick(trade: try .decode(key: key, value: value))
        }
    }

    static func run(rounds: Int, records: Int, keys: Int) throws {
        let all = trades(records, keys: keys)
        defer { all.deallocate() }
        let ticks = all.withMemoryRebound(to: Tick.self) { $0 }
        byHand(all, rounds, keys)
        let tumbling = try time("tumbling 10 s, local", Local(window: .tumbling(.seconds(10))), ticks, rounds, keys)
        if keys <= 1_000_000 {
            let sliding = try time(
                "sliding 10 s / 1 s, local", Local(window: .sliding(.seconds(10), every: .seconds(1))), ticks, rounds,
                keys)
            print("  sliding / tumbling \((sliding / tumbling).rounded(toPlaces: 2)) (goal 2)")
        }
        if keys > 1_000_000 {
            // One window for all records, after nearly every key has been there.
            try steady("tumbling, one window, keys there already", ticks, max(2, rounds), keys)
        }
        _ = try time("tumbling 10 s, pre-combine", Shuffled(window: .tumbling(.seconds(10))), all, rounds, keys)
    }

    /// The floor: the records read once, and a counter for each key in one array, emptied every ten seconds.
    static func byHand(_ all: UnsafeMutableBufferPointer<Trade>, _ rounds: Int, _ keys: Int) {
        _ = measure("the same counts by hand, \(keys) keys", rounds: rounds, records: all.count) {
            var counts = [Int](repeating: 0, count: keys)
            var results = 0
            var end = EventTime.seconds(10)
            for trade in all where trade.size >= 0 {
                if trade.at >= end {
                    for key in counts.indices where counts[key] > 0 { (results, counts[key]) = (results + 1, 0) }
                    end = end + .seconds(10)
                }
                counts[Int(trade.symbol)] &+= 1
            }
            return UInt64(results)
        }
    }

    static func steady(
        _ name: String, _ all: UnsafeMutableBufferPointer<Tick>, _ rounds: Int, _ keys: Int
    ) throws {
        let plan = try Plan(
            values: Local(window: .tumbling(.hours(1))), into: ValueBuffer<Pane<UInt64, Int>>())
        let kernel = plan.stages[0].makeKernel(KernelOptions(seed: 5))
        guard let input = kernel.values(of: Tick.self) else { return }
        var out = StageOutput()
        input.feed(all, into: &out) { _ in }
        _ = measure("\(name), \(keys) keys", rounds: rounds, records: all.count) {
            input.feed(all, into: &out) { _ in }
            return UInt64(kernel.stateEntries)
        }
    }

    static func time<P: Pipeline, T: Record>(
        _ name: String, _ pipeline: P, _ all: UnsafeMutableBufferPointer<T>, _ rounds: Int, _ keys: Int
    ) throws -> Double {
        let output = ValueBuffer<P.Output>()
        let plan = try Plan(values: pipeline, into: output)
        return measure("\(name), \(keys) keys", rounds: rounds, records: all.count) {
            let kernel = plan.stages[0].makeKernel(KernelOptions(seed: 5))
            guard let input = kernel.values(of: T.self) else { return 0 }
            var out = StageOutput()
            var results: UInt64 = 0
            input.feed(all, into: &out) { out in
                kernel.advance(to: kernel.observed, into: &out)
                results += UInt64(output.count + out.records.count)
                output.removeAll()
                out.removeAll()
            }
            return results
        }
    }
}
