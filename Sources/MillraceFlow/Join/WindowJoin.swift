public import MillraceCore

/// A key within one window.
public struct WindowKey<Key: StreamKey>: StreamKey {
    @usableFromInline var start: EventTime
    @usableFromInline var key: Key
    @inlinable init(start: EventTime, key: Key) { (self.start, self.key) = (start, key) }
    @inlinable public func streamHash(seed: UInt64) -> UInt64 {
        KeyHash.mix(UInt64(bitPattern: start.microseconds), key.streamHash(seed: seed))
    }
    @inlinable public func store(into writer: inout ByteWriter) {
        start.store(into: &writer)
        key.store(into: &writer)
    }
    @inlinable public static func load(from reader: inout ByteReader) throws -> WindowKey {
        WindowKey(start: try .load(from: &reader), key: try .load(from: &reader))
    }
}

/// The rows of one key and window, with the window's start, from which its end follows.
public struct WindowRows<Left: Storable, Right: Storable>: Storable {
    @usableFromInline var start: EventTime
    @usableFromInline var sides = JoinSides<Left, Right>()
    @inlinable init(start: EventTime) { self.start = start }
    @inlinable public func store(into writer: inout ByteWriter) {
        start.store(into: &writer)
        sides.store(into: &writer)
    }
    @inlinable public static func load(from reader: inout ByteReader) throws -> WindowRows {
        var made = WindowRows(start: try .load(from: &reader))
        made.sides = try .load(from: &reader)
        return made
    }
}

/// Pairs of rows with one key in one window; with overlapping windows a pair comes once per window that holds both.
///
/// A pair leaves when its second row arrives. Rows without a partner leave when the watermark has passed the window's
/// end by `lateness`; a row whose windows are all over by then is late and counted.
public struct WindowJoin<Left: KeyedFlow, Right: KeyedFlow, Shape: JoinShape>: TwoSidedFlow, KeyedFlow
where Left.Key == Right.Key, Shape.Left == Left.Value, Shape.Right == Right.Value {
    public typealias Input = Left.Input
    public typealias StageInput = Either<Left.StageInput, Right.StageInput>
    public typealias Key = Left.Key
    public typealias Value = Shape.Result
    public typealias Output = Keyed<Key, Shape.Result>
    public typealias Rows = WindowRows<Left.Value, Right.Value>
    public typealias State = JoinState<Left.State, Right.State, WindowKey<Key>, Rows>
    public typealias Retimed = Retime<Self>

    public let left: Left
    public let right: Right
    @usableFromInline let window: TimeWindow
    @usableFromInline let lateness: TimeSpan
    @usableFromInline let name: String

    @inlinable @inline(__always) init(
        left: Left, right: Right, window: TimeWindow, lateness: TimeSpan, name: String
    ) {
        precondition(window.kind != .cumulative, "a join takes tumbling, sliding and calendar windows")
        (self.left, self.right, self.window) = (left, right, window.whole)
        (self.lateness, self.name) = (lateness, name)
    }

    @inlinable public func makeState(_ setup: StageSetup) -> State {
        let (window, lateness) = (window, lateness)
        let sides = TwoSides(setup, left: { left.makeState(setup) }, right: { right.makeState(setup) })
        let rows = setup.keyedState(name, key: WindowKey<Key>.self, value: Rows.self) {
            EventTime(microseconds: window.end(ofSliceAt: $0.start.microseconds)) + lateness
        }
        return State(sides: sides, rows: rows)
    }

    @inlinable func deadline(_ start: EventTime) -> EventTime {
        EventTime(microseconds: window.end(ofSliceAt: start.microseconds)) + lateness
    }
    /// The windows a time is in that are not over, from the latest on; a time without any is late.
    @inlinable func eachWindow(
        _ time: EventTime, _ state: State, _ body: (EventTime) throws -> Void
    ) throws {
        let watermark = state.sides.clock.watermark
        var start = window.slice(time.microseconds).start
        var found = false
        repeat {
            let begin = EventTime(microseconds: start)
            if deadline(begin) > watermark {
                found = true
                try body(begin)
            }
            start -= window.slide
        } while window.overlaps && start > time.microseconds - window.size
        if !found { state.sides.clock.countLate() }
    }

    @inlinable @inline(__always) public func process(
        _ input: StageInput, at time: EventTime, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        switch input {
        case .left(let input):
            state.sides.sawLeft(time)
            try left.process(input, at: time, state: state.sides.left) { keyed, time in
                try addLeft(keyed, time, state, emit)
            }
        case .right(let input):
            state.sides.sawRight(time)
            try right.process(input, at: time, state: state.sides.right) { keyed, time in
                try addRight(keyed, time, state, emit)
            }
        }
        state.sides.combine()
        if state.rows.nextDeadline <= state.sides.clock.watermark { try expire(state, emit) }
    }
    @inlinable func held(_ key: Key, _ start: EventTime, _ state: State) -> UnsafeMutablePointer<Rows> {
        var isNew = false
        let windowKey = WindowKey(start: start, key: key)
        let held = state.rows.update(windowKey) {
            isNew = true
            return Rows(start: start)
        }
        if isNew { state.rows.watch(windowKey, until: deadline(start)) }
        return held
    }
    @inlinable func addLeft(
        _ row: Left.Output, _ time: EventTime, _ state: State, _ emit: (Output, EventTime) throws -> Void
    ) throws {
        try eachWindow(time, state) { start in
            let held = held(row.key, start, state)
            let isMatched = try held.pointee.sides.right.match(from: .distantPast, through: .distantFuture) {
                other, at in
                try emit(Keyed(key: row.key, value: Shape.both(row.value, other)), max(time, at))
            }
            try held.pointee.sides.left.insert(JoinRow(time: time, value: row.value, isMatched: isMatched))
        }
    }
    @inlinable func addRight(
        _ row: Right.Output, _ time: EventTime, _ state: State, _ emit: (Output, EventTime) throws -> Void
    ) throws {
        try eachWindow(time, state) { start in
            let held = held(row.key, start, state)
            let isMatched = try held.pointee.sides.left.match(from: .distantPast, through: .distantFuture) {
                other, at in
                try emit(Keyed(key: row.key, value: Shape.both(other, row.value)), max(time, at))
            }
            try held.pointee.sides.right.insert(JoinRow(time: time, value: row.value, isMatched: isMatched))
        }
    }
    @inlinable @inline(never) func expire(_ state: State, _ emit: (Output, EventTime) throws -> Void) throws {
        try state.rows.expire(state.sides.clock.watermark, deadline: { deadline($0.start) }) { key, held in
            try held.pointee.sides.left.drop(before: .distantFuture) { value, time in
                if let alone = Shape.only(left: value) { try emit(Keyed(key: key.key, value: alone), time) }
            }
            try held.pointee.sides.right.drop(before: .distantFuture) { value, time in
                if let alone = Shape.only(right: value) { try emit(Keyed(key: key.key, value: alone), time) }
            }
            state.rows.remove(key)
        }
    }
    @inlinable public func signal(
        _ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void
    ) throws {
        state.sides.tell(signal)
        try left.signal(signal, state: state.sides.left) { keyed, time in try addLeft(keyed, time, state, emit) }
        try right.signal(signal, state: state.sides.right) { keyed, time in try addRight(keyed, time, state, emit) }
        if state.rows.nextDeadline <= state.sides.clock.watermark { try expire(state, emit) }
    }
    @inlinable @inline(__always) public func timed(
        by at: @escaping @Sendable (Value) throws -> EventTime, outOfOrder: TimeSpan
    ) -> Retime<Self> { Retime(upstream: self, at: at, outOfOrder: outOfOrder) }
    public func describe(into text: inout StageDescription) {
        left.describe(into: &text)
        right.describe(into: &text)
        text.add("\(Shape.name) by \(Key.self) within \(window), lateness \(lateness.seconds) s")
    }
}

extension KeyedFlow where Value: Storable {
    /// Pairs of values with one key in one window.
    @inlinable @inline(__always) public func join<Right: KeyedFlow>(
        _ right: Right, in window: TimeWindow, lateness: TimeSpan = .zero, named name: String = "join"
    ) -> WindowJoin<Self, Right, InnerJoin<Value, Right.Value>> where Right.Key == Key, Right.Value: Storable {
        WindowJoin(left: self, right: right, window: window, lateness: lateness, name: name)
    }
    /// The same, with the left values that found no partner in the window.
    @inlinable @inline(__always) public func leftJoin<Right: KeyedFlow>(
        _ right: Right, in window: TimeWindow, lateness: TimeSpan = .zero, named name: String = "join"
    ) -> WindowJoin<Self, Right, LeftJoin<Value, Right.Value>> where Right.Key == Key, Right.Value: Storable {
        WindowJoin(left: self, right: right, window: window, lateness: lateness, name: name)
    }
    /// The same, with the right values that found no partner in the window.
    @inlinable @inline(__always) public func rightJoin<Right: KeyedFlow>(
        _ right: Right, in window: TimeWindow, lateness: TimeSpan = .zero, named name: String = "join"
    ) -> WindowJoin<Self, Right, RightJoin<Value, Right.Value>> where Right.Key == Key, Right.Value: Storable {
        WindowJoin(left: self, right: right, window: window, lateness: lateness, name: name)
    }
    /// The same, with all values that found no partner in the window.
    @inlinable @inline(__always) public func fullJoin<Right: KeyedFlow>(
        _ right: Right, in window: TimeWindow, lateness: TimeSpan = .zero, named name: String = "join"
    ) -> WindowJoin<Self, Right, FullJoin<Value, Right.Value>> where Right.Key == Key, Right.Value: Storable {
        WindowJoin(left: self, right: right, window: window, lateness: lateness, name: name)
    }
}
