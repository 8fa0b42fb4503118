public import MillraceCore

/// A flow of values grouped by a key: all of one key come through the same kernel.
public protocol KeyedFlow<Key, Value>: Flow where Output == Keyed<Key, Value> {
    associatedtype Key: StreamKey
    associatedtype Value: Sendable
    associatedtype Retimed: KeyedFlow<Key, Value> where Retimed.Input == Input
    /// The same with event time from the value.
    func timed(by at: @escaping @Sendable (Value) throws -> EventTime, outOfOrder: TimeSpan) -> Retimed
    /// The key that an input will most likely come out with, where that is cheap to see.
    func likelyKey(of input: StageInput) -> Key?
}

extension KeyedFlow {
    @inlinable @inline(__always) public func likelyKey(of input: StageInput) -> Key? { nil }
}

/// Gives each value its key, without moving it: the step in front of a shuffle, and `.keyed()`.
public struct Rekeyed<Upstream: Flow, Key: StreamKey>: StatelessFlow {
    public typealias Input = Upstream.Input
    public typealias StageInput = Upstream.StageInput
    public typealias Head = Upstream.Head
    public typealias State = Upstream.State
    public typealias Value = Upstream.Output
    public typealias Output = Keyed<Key, Upstream.Output>
    public let upstream: Upstream
    @usableFromInline let key: @Sendable (Upstream.Output) throws -> Key
    @inlinable @inline(__always) init(upstream: Upstream, key: @escaping @Sendable (Upstream.Output) throws -> Key) {
        (self.upstream, self.key) = (upstream, key)
    }
    @inlinable @inline(__always) public func each(
        _ value: Upstream.Output, _ time: EventTime, _ emit: (Output, EventTime) throws -> Void
    ) throws { try emit(Keyed(key: try key(value), value: value), time) }
    public var summary: String { "key \(Key.self)" }
}

extension Rekeyed: KeyedFlow {
    @inlinable @inline(__always) public func likelyKey(of input: StageInput) -> Key? {
        guard let value = upstream.unchanged(input) else { return nil }
        return try? key(value)
    }
    @inlinable @inline(__always) public func timed(
        by at: @escaping @Sendable (Value) throws -> EventTime, outOfOrder: TimeSpan
    ) -> Rekeyed<Timed<Upstream>, Key> {
        Rekeyed<Timed<Upstream>, Key>(
            upstream: Timed(upstream: upstream, at: at, outOfOrder: outOfOrder), key: key)
    }
}

/// Values sent by key to the partition that keeps the key: behind this a new stage begins.
public struct Shuffled<Upstream: Flow, Key: StreamKey>: ShuffledFlow where Upstream.Output: Storable {
    public typealias Input = Upstream.Input
    public typealias StageInput = Keyed<Key, Upstream.Output>
    public typealias Head = Shuffled
    public typealias Value = Upstream.Output
    public typealias Output = Keyed<Key, Upstream.Output>
    public struct State: BitwiseCopyable {
        @usableFromInline init() {}
    }
    public let upstream: Upstream
    @usableFromInline let key: @Sendable (Upstream.Output) throws -> Key
    @inlinable @inline(__always) init(upstream: Upstream, key: @escaping @Sendable (Upstream.Output) throws -> Key) {
        (self.upstream, self.key) = (upstream, key)
    }
    @inlinable @inline(__always) public var sender: Rekeyed<Upstream, Key> { Rekeyed(upstream: upstream, key: key) }

    @inlinable public func makeState(_ setup: StageSetup) -> State { State() }
    @inlinable @inline(__always) public func process(
        _ input: StageInput, at time: EventTime, state: State, emit: (Output, EventTime) throws -> Void
    ) throws { try emit(input, time) }
    @inlinable @inline(__always) public func signal(
        _ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {}
    @inlinable public static func stages<Q: FlowPath>(
        into plan: inout PlanBuilder, of pipeline: Q.P, by path: Q.Type
    ) -> [StagePort] where Q.F == Self { plan.shuffle(Q.self, of: pipeline) }
    public func describe(into text: inout StageDescription) { text.add("keyed by \(Key.self)") }
}

extension Shuffled: KeyedFlow {
    @inlinable @inline(__always) public func likelyKey(of input: StageInput) -> Key? { input.key }
    @inlinable @inline(__always) public func timed(
        by at: @escaping @Sendable (Value) throws -> EventTime, outOfOrder: TimeSpan
    ) -> Shuffled<Timed<Upstream>, Key> {
        Shuffled<Timed<Upstream>, Key>(
            upstream: Timed(upstream: upstream, at: at, outOfOrder: outOfOrder), key: key)
    }
}

/// A flow whose records are still in the partition that the log put them in by their own key.
public protocol KeepsRecordKey: Flow where Output: KeyedRecord {}
extension Events: KeepsRecordKey where T: KeyedRecord {}
extension Filter: KeepsRecordKey where Upstream: KeepsRecordKey {}
extension Tap: KeepsRecordKey where Upstream: KeepsRecordKey {}
extension Timed: KeepsRecordKey where Upstream: KeepsRecordKey {}
extension Punctuated: KeepsRecordKey where Upstream: KeepsRecordKey {}

extension Flow where Output: Storable {
    /// Groups by a key, through an internal log that brings all values of a key to one partition.
    @inlinable @inline(__always) public func keyed<Key: StreamKey>(
        by key: @escaping @Sendable (Output) throws -> Key
    ) -> Shuffled<Self, Key> { Shuffled(upstream: self, key: key) }
}

extension KeepsRecordKey {
    /// Groups by the record's own key. Nothing moves: the log's partitions are split by it already.
    @inlinable @inline(__always) public func keyed() -> Rekeyed<Self, Output.Key> {
        Rekeyed(upstream: self) { $0.key }
    }
}
