public import MillraceCore

/// Sends some values to a side output, and lets the others through.
public struct Split<Upstream: Flow>: FlowWithUpstream where Upstream.Output: Record {
    public typealias Input = Upstream.Input
    public typealias StageInput = Upstream.StageInput
    public typealias Head = Upstream.Head
    public typealias Output = Upstream.Output
    public struct State: BitwiseCopyable {
        @usableFromInline let upstream: Upstream.State
        @usableFromInline let door: LateDoor
        @inlinable init(upstream: Upstream.State, door: LateDoor) { (self.upstream, self.door) = (upstream, door) }
    }
    public let upstream: Upstream
    @usableFromInline let side: SideOutput<Output>
    @usableFromInline let belongs: @Sendable (Output) throws -> Bool
    @inlinable @inline(__always) init(
        upstream: Upstream, side: SideOutput<Output>, belongs: @escaping @Sendable (Output) throws -> Bool
    ) { (self.upstream, self.side, self.belongs) = (upstream, side, belongs) }

    @inlinable public func makeState(_ setup: StageSetup) -> State {
        let before = upstream.makeState(setup)
        let door = LateDoor(sides: Unmanaged.passUnretained(setup.sides), number: setup.sides.open(side.name))
        return State(upstream: before, door: door)
    }
    @inlinable @inline(__always) func sort(
        _ value: Output, _ time: EventTime, _ door: LateDoor, _ emit: (Output, EventTime) throws -> Void
    ) throws {
        guard try belongs(value) else { return try emit(value, time) }
        door.sides.takeUnretainedValue().send(value, at: time, to: door.number)
    }
    @inlinable @inline(__always) public func process(
        _ input: StageInput, at time: EventTime, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.process(input, at: time, state: state.upstream) { value, time in
            try sort(value, time, state.door, emit)
        }
    }
    @inlinable public func signal(
        _ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        try upstream.signal(signal, state: state.upstream) { value, time in try sort(value, time, state.door, emit) }
    }
    public func describe(into text: inout StageDescription) {
        upstream.describe(into: &text)
        text.add("split to \"\(side.name)\"")
    }
}

extension Flow where Output: Record {
    /// Sends the values that `belongs` says yes to into a side output; they do not go on here.
    @inlinable @inline(__always) public func split(
        to side: SideOutput<Output>, where belongs: @escaping @Sendable (Output) throws -> Bool
    ) -> Split<Self> { Split(upstream: self, side: side, belongs: belongs) }
}
