public import MillraceCore

/// Two flows of the same values as one. Its watermark is the lower of the two.
public struct Merge<Left: Flow, Right: Flow>: TwoSidedFlow where Left.Output == Right.Output {
    public typealias Input = Left.Input
    public typealias StageInput = Either<Left.StageInput, Right.StageInput>
    public typealias Head = Merge
    public typealias Output = Left.Output
    public typealias State = TwoSides<Left.State, Right.State>
    public let left: Left
    public let right: Right
    @inlinable @inline(__always) init(left: Left, right: Right) { (self.left, self.right) = (left, right) }

    @inlinable public func makeState(_ setup: StageSetup) -> State { makeSides(setup) }
    @inlinable @inline(__always) public func process(
        _ input: StageInput, at time: EventTime, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        switch input {
        case .left(let input):
            state.sawLeft(time)
            try left.process(input, at: time, state: state.left) { value, time in
                state.combine()
                try emit(value, time)
            }
        case .right(let input):
            state.sawRight(time)
            try right.process(input, at: time, state: state.right) { value, time in
                state.combine()
                try emit(value, time)
            }
        }
        state.combine()
    }
    @inlinable public func signal(
        _ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        state.tell(signal)
        try left.signal(signal, state: state.left, emit: emit)
        try right.signal(signal, state: state.right, emit: emit)
        state.combine()
    }
    public func describe(into text: inout StageDescription) {
        left.describe(into: &text)
        right.describe(into: &text)
        text.add("merge")
    }
}

extension Flow {
    /// This flow's values and another's, as they come.
    @inlinable @inline(__always) public func merge<Other: Flow>(with other: Other) -> Merge<Self, Other>
    where Other.Output == Output { Merge(left: self, right: other) }
}
