public import MillraceCore

/// A flow whose stages are its upstream's: everything but a shuffle.
public protocol FlowWithUpstream: HasUpstream
where Input == Upstream.Input, StageInput == Upstream.StageInput, Head == Upstream.Head {}

extension FlowWithUpstream {
    @inlinable @inline(__always) public static func head(of flow: Self) -> Upstream.Head {
        Upstream.head(of: flow.upstream)
    }
}

/// A step without state of its own.
public protocol StatelessFlow: FlowWithUpstream where State == Upstream.State {
    @inlinable func each(_ value: Upstream.Output, _ time: EventTime, _ emit: (Output, EventTime) throws -> Void) throws
    var summary: String { get }
}

extension StatelessFlow {
    @inlinable public func makeState(_ setup: StageSetup) -> Upstream.State { upstream.makeState(setup) }
    @inlinable @inline(__always) public func process(
        _ input: StageInput, at time: EventTime, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.process(input, at: time, state: state) { value, time in try each(value, time, emit) }
    }
    @inlinable @inline(__always) public func signal(
        _ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.signal(signal, state: state) { value, time in try each(value, time, emit) }
    }
    public func describe(into text: inout StageDescription) {
        upstream.describe(into: &text)
        text.add(summary)
    }
}

public struct Filter<Upstream: Flow>: StatelessFlow {
    public typealias Input = Upstream.Input
    public typealias StageInput = Upstream.StageInput
    public typealias Head = Upstream.Head
    public typealias State = Upstream.State
    public typealias Output = Upstream.Output
    public let upstream: Upstream
    @usableFromInline let keep: @Sendable (Output) throws -> Bool
    @inlinable @inline(__always) init(upstream: Upstream, keep: @escaping @Sendable (Output) throws -> Bool) {
        (self.upstream, self.keep) = (upstream, keep)
    }
    @inlinable @inline(__always) public func each(
        _ value: Output, _ time: EventTime, _ emit: (Output, EventTime) throws -> Void
    ) throws { if try keep(value) { try emit(value, time) } }
    @inlinable @inline(__always) public func unchanged(_ input: StageInput) -> Output? { upstream.unchanged(input) }
    public var summary: String { "filter" }
}

public struct Map<Upstream: Flow, Output: Sendable>: StatelessFlow {
    public typealias Input = Upstream.Input
    public typealias StageInput = Upstream.StageInput
    public typealias Head = Upstream.Head
    public typealias State = Upstream.State
    public let upstream: Upstream
    @usableFromInline let transform: @Sendable (Upstream.Output) throws -> Output
    @inlinable @inline(__always) init(
        upstream: Upstream, transform: @escaping @Sendable (Upstream.Output) throws -> Output
    ) { (self.upstream, self.transform) = (upstream, transform) }
    @inlinable @inline(__always) public func each(
        _ value: Upstream.Output, _ time: EventTime, _ emit: (Output, EventTime) throws -> Void
    ) throws { try emit(try transform(value), time) }
    public var summary: String { "map to \(Output.self)" }
}

public struct CompactMap<Upstream: Flow, Output: Sendable>: StatelessFlow {
    public typealias Input = Upstream.Input
    public typealias StageInput = Upstream.StageInput
    public typealias Head = Upstream.Head
    public typealias State = Upstream.State
    public let upstream: Upstream
    @usableFromInline let transform: @Sendable (Upstream.Output) throws -> Output?
    @inlinable @inline(__always) init(
        upstream: Upstream, transform: @escaping @Sendable (Upstream.Output) throws -> Output?
    ) { (self.upstream, self.transform) = (upstream, transform) }
    @inlinable @inline(__always) public func each(
        _ value: Upstream.Output, _ time: EventTime, _ emit: (Output, EventTime) throws -> Void
    ) throws { if let made = try transform(value) { try emit(made, time) } }
    public var summary: String { "compactMap to \(Output.self)" }
}

public struct FlatMap<Upstream: Flow, Output: Sendable, Results: Sequence>: StatelessFlow
where Results.Element == Output {
    public typealias Input = Upstream.Input
    public typealias StageInput = Upstream.StageInput
    public typealias Head = Upstream.Head
    public typealias State = Upstream.State
    public let upstream: Upstream
    @usableFromInline let transform: @Sendable (Upstream.Output) throws -> Results
    @inlinable @inline(__always) init(
        upstream: Upstream, transform: @escaping @Sendable (Upstream.Output) throws -> Results
    ) { (self.upstream, self.transform) = (upstream, transform) }
    @inlinable @inline(__always) public func each(
        _ value: Upstream.Output, _ time: EventTime, _ emit: (Output, EventTime) throws -> Void
    ) throws { for made in try transform(value) { try emit(made, time) } }
    public var summary: String { "flatMap to \(Output.self)" }
}

public struct Tap<Upstream: Flow>: StatelessFlow {
    public typealias Input = Upstream.Input
    public typealias StageInput = Upstream.StageInput
    public typealias Head = Upstream.Head
    public typealias State = Upstream.State
    public typealias Output = Upstream.Output
    public let upstream: Upstream
    @usableFromInline let look: @Sendable (Output) throws -> Void
    @inlinable @inline(__always) init(upstream: Upstream, look: @escaping @Sendable (Output) throws -> Void) {
        (self.upstream, self.look) = (upstream, look)
    }
    @inlinable @inline(__always) public func each(
        _ value: Output, _ time: EventTime, _ emit: (Output, EventTime) throws -> Void
    ) throws {
        try look(value)
        try emit(value, time)
    }
    @inlinable @inline(__always) public func unchanged(_ input: StageInput) -> Output? { upstream.unchanged(input) }
    public var summary: String { "tap" }
}

extension Flow {
    /// Lets through what `keep` says yes to.
    @inlinable @inline(__always) public func filter(
        _ keep: @escaping @Sendable (Output) throws -> Bool
    ) -> Filter<Self> { Filter(upstream: self, keep: keep) }

    /// One result per record. The type is spelled out so that long pipelines type-check in no time.
    @inlinable @inline(__always) public func map<T: Sendable>(
        to _: T.Type, _ transform: @escaping @Sendable (Output) throws -> T
    ) -> Map<Self, T> { Map(upstream: self, transform: transform) }

    /// One result or none.
    @inlinable @inline(__always) public func compactMap<T: Sendable>(
        to _: T.Type, _ transform: @escaping @Sendable (Output) throws -> T?
    ) -> CompactMap<Self, T> { CompactMap(upstream: self, transform: transform) }

    /// Any number of results, with the record's time.
    @inlinable @inline(__always) public func flatMap<T: Sendable, Results: Sequence>(
        to _: T.Type, _ transform: @escaping @Sendable (Output) throws -> Results
    ) -> FlatMap<Self, T, Results> where Results.Element == T { FlatMap(upstream: self, transform: transform) }

    /// Looks at every record and passes it on.
    @inlinable @inline(__always) public func tap(
        _ look: @escaping @Sendable (Output) throws -> Void
    ) -> Tap<Self> { Tap(upstream: self, look: look) }
}
