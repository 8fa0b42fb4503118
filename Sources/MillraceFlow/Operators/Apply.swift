public import MillraceCore

/// A step of your own: one struct with three functions.
///
/// `Memory` is kept across commits, one per partition of the stage. For state by key, key the flow first.
public protocol Operator<Value, Result>: Sendable {
    associatedtype Value: Sendable
    associatedtype Result: Sendable
    associatedtype Memory: Storable
    func makeMemory() -> Memory
    func process(
        _ value: Value, at time: EventTime, memory: inout Memory, emit: (Result, EventTime) throws -> Void) throws
    /// No value of an earlier time is expected any more.
    func advance(
        to watermark: EventTime, memory: inout Memory, emit: (Result, EventTime) throws -> Void) throws
    /// Raise it when the memory changes its meaning or type, and say in `migrate` how to read older ones.
    var version: Int { get }
    /// Reads a memory that was stored under an older version; `nil` for a version it knows nothing of.
    func migrate(_ stored: inout ByteReader, from version: Int) throws -> Memory?
}

extension Operator {
    public var version: Int { 1 }
    public func migrate(_ stored: inout ByteReader, from version: Int) throws -> Memory? { nil }
    public func advance(
        to watermark: EventTime, memory: inout Memory, emit: (Result, EventTime) throws -> Void
    ) throws {}
}

/// Runs an operator of the user's.
public struct Apply<Upstream: Flow, Step: Operator>: FlowWithUpstream where Step.Value == Upstream.Output {
    public typealias Input = Upstream.Input
    public typealias StageInput = Upstream.StageInput
    public typealias Head = Upstream.Head
    public typealias Output = Step.Result
    public struct State: BitwiseCopyable {
        @usableFromInline let upstream: Upstream.State
        @usableFromInline let values: KeyedState<Bool, Step.Memory>
        @usableFromInline let faults: StageFaults
        @usableFromInline init(upstream: Upstream.State, values: KeyedState<Bool, Step.Memory>, faults: StageFaults) {
            (self.upstream, self.values, self.faults) = (upstream, values, faults)
        }
    }
    public let upstream: Upstream
    @usableFromInline let step: Step
    @usableFromInline let name: String
    @inlinable @inline(__always) init(upstream: Upstream, step: Step, name: String) {
        (self.upstream, self.step, self.name) = (upstream, step, name)
    }

    @inlinable public func makeState(_ setup: StageSetup) -> State {
        let before = upstream.makeState(setup)
        let step = step
        let values = setup.keyedState(
            name, key: Bool.self, value: Step.Memory.self, version: step.version,
            migrate: { try step.migrate(&$0, from: $1) })
        return State(upstream: before, values: values, faults: setup.faultsInUse())
    }
    @inlinable @inline(__always) func memory(_ state: State) -> UnsafeMutablePointer<Step.Memory> {
        state.values.update(true) { step.makeMemory() }
    }
    @inlinable @inline(__always) public func process(
        _ input: StageInput, at time: EventTime, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.process(input, at: time, state: state.upstream) { value, time in
            let held = memory(state)
            try state.faults.undoing(held) { try step.process(value, at: time, memory: &held.pointee, emit: emit) }
        }
    }
    @inlinable public func signal(
        _ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.signal(signal, state: state.upstream) { value, time in
            let held = memory(state)
            try state.faults.undoing(held) { try step.process(value, at: time, memory: &held.pointee, emit: emit) }
        }
        guard case .watermark(let watermark) = signal else { return }
        state.faults.alone(name, "watermark \(watermark.microseconds)") {
            try step.advance(to: watermark, memory: &memory(state).pointee, emit: emit)
        }
    }
    public func describe(into text: inout StageDescription) {
        upstream.describe(into: &text)
        text.add("\(Step.self)")
    }
}

extension Flow {
    /// A step of your own.
    @inlinable @inline(__always) public func apply<Step: Operator>(
        _ step: Step, named name: String = "\(Step.self)"
    ) -> Apply<Self, Step> where Step.Value == Output { Apply(upstream: self, step: step, name: name) }
}
