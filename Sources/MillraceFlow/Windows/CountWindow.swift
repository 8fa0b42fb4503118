public import MillraceCore

/// So many values of a key, in the order they arrive.
public struct CountWindow: Sendable, Hashable {
    @usableFromInline let size: Int
    public static func count(_ size: Int) -> CountWindow {
        precondition(size > 0, "a count window needs at least one value")
        return CountWindow(size: size)
    }
}

/// A count window that is not full yet.
public struct Counted<Accumulator: Storable>: Storable {
    @usableFromInline var accumulator: Accumulator
    @usableFromInline var count = 0
    @usableFromInline var first = EventTime.distantFuture
    @usableFromInline var last = EventTime.distantPast
    @usableFromInline init(accumulator: Accumulator) { self.accumulator = accumulator }
    public func store(into writer: inout ByteWriter) {
        writer.unsignedVarint(UInt64(count))
        first.store(into: &writer)
        last.store(into: &writer)
        accumulator.store(into: &writer)
    }
    public static func load(from reader: inout ByteReader) throws -> Counted {
        try load(from: &reader) { try Accumulator.load(from: &$0) }
    }
    @usableFromInline static func load<A: Aggregate>(
        from reader: inout ByteReader, version: Int, _ aggregate: A
    ) throws -> Counted? where A.Accumulator == Accumulator {
        try aggregate.migrating { migrated in try load(from: &reader) { try migrated(&$0, version) } }
    }
    private static func load(
        from reader: inout ByteReader, _ accumulator: (inout ByteReader) throws -> Accumulator
    ) throws -> Counted {
        let count = Int(truncatingIfNeeded: try reader.unsignedVarint())
        let (first, last) = (try EventTime.load(from: &reader), try EventTime.load(from: &reader))
        var made = Counted(accumulator: try accumulator(&reader))
        (made.count, made.first, made.last) = (count, first, last)
        return made
    }
}

/// Results of every `size` values of a key. The pane's bounds are the lowest and just past the highest time in it.
public struct CountFlow<Upstream: KeyedFlow, A: Aggregate>: FlowWithUpstream where A.Element == Upstream.Value {
    public typealias Input = Upstream.Input
    public typealias StageInput = Upstream.StageInput
    public typealias Head = Upstream.Head
    public typealias Key = Upstream.Key
    public typealias Output = Pane<Key, A.Result>
    public typealias State = KeyedStepState<Upstream.State, Key, Counted<A.Accumulator>>
    public let upstream: Upstream
    @usableFromInline let size: Int
    @usableFromInline let aggregate: A
    @usableFromInline let name: String
    @inlinable @inline(__always) init(upstream: Upstream, size: Int, aggregate: A, name: String) {
        (self.upstream, self.size, self.aggregate, self.name) = (upstream, size, aggregate, name)
    }
    @inlinable public func makeState(_ setup: StageSetup) -> State {
        let before = upstream.makeState(setup)
        setup.warnUnbounded(name)
        let values = setup.keyedState(
            name, key: Key.self, value: Counted<A.Accumulator>.self, version: aggregate.version,
            migrate: { try Counted.load(from: &$0, version: $1, aggregate) })
        return State(setup, upstream: before, values: values)
    }
    @inlinable @inline(__always) func add(
        _ keyed: Upstream.Output, _ time: EventTime, _ state: State, _ emit: (Output, EventTime) throws -> Void
    ) throws {
        let held = state.values.update(keyed.key) { Counted(accumulator: aggregate.makeAccumulator()) }
        try state.faults.undoing(held) {
            try aggregate.add(keyed.value, at: time, to: &held.pointee.accumulator)
            held.pointee.count += 1
            held.pointee.first = min(held.pointee.first, time)
            held.pointee.last = max(held.pointee.last, time)
            guard held.pointee.count == size else { return }
            let full = held.pointee
            try emit(
                Pane(
                    key: keyed.key, start: full.first, end: full.last + .microseconds(1),
                    value: aggregate.result(of: full.accumulator)),
                full.last)
        }
        if held.pointee.count >= size { state.values.remove(keyed.key) }
    }
    @inlinable @inline(__always) public func process(
        _ input: StageInput, at time: EventTime, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.process(input, at: time, state: state.upstream) { keyed, time in
            try add(keyed, time, state, emit)
        }
    }
    @inlinable public func signal(
        _ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.signal(signal, state: state.upstream) { keyed, time in try add(keyed, time, state, emit) }
    }
    public func describe(into text: inout StageDescription) {
        upstream.describe(into: &text)
        text.add("window of \(size) values, \(A.self) by \(Key.self)")
    }
}

/// A keyed flow in count windows, waiting for an aggregate.
public struct CountWindowed<Upstream: KeyedFlow>: Sendable {
    @usableFromInline let upstream: Upstream
    @usableFromInline let size: Int
    @inlinable @inline(__always) init(upstream: Upstream, size: Int) { (self.upstream, self.size) = (upstream, size) }

    @inlinable @inline(__always) public func aggregate<A: Aggregate>(
        _ aggregate: A, named name: String = "counted"
    ) -> CountFlow<Upstream, A> where A.Element == Upstream.Value {
        CountFlow(upstream: upstream, size: size, aggregate: aggregate, name: name)
    }
    @inlinable @inline(__always) public func fold<V: Storable>(
        into initial: V, named name: String = "fold",
        _ update: @escaping @Sendable (inout V, Upstream.Value) throws -> Void
    ) -> CountFlow<Upstream, Fold<Upstream.Value, V>> { aggregate(Fold(into: initial, update), named: name) }
}

extension KeyedFlow {
    /// Groups each key's values by their number.
    @inlinable @inline(__always) public func window(_ window: CountWindow) -> CountWindowed<Self> {
        CountWindowed(upstream: self, size: window.size)
    }
}
