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
/// end by `lateness`; a row whose windows are all over by then is late: counted, or sent
/// where `lateLeft(to:)` and `lateRight(to:)` say.
public struct WindowJoin<Left: KeyedFlow, Right: KeyedFlow, Shape: JoinShape>: LateJoin
where Left.Key == Right.Key, Shape.Left == Left.Value, Shape.Right == Right.Value {
    public typealias Input = Left.Input
    public typealias StageInput = Either<Left.StageInput, Right.StageInput>
    public typealias Head = WindowJoin
    public typealias Key = Left.Key
    public typealias Value = Shape.Result
    public typealias Output = Keyed<Left.Key, Shape.Result>
    public typealias Retimed = Retime<Self>
    public typealias RowKey = WindowKey<Left.Key>
    public typealias Rows = WindowRows<Left.Value, Right.Value>
    public typealias State = JoinState<Left.State, Right.State, RowKey, Rows>

    public let left: Left
    public let right: Right
    @usableFromInline let window: TimeWindow
    @usableFromInline let lateness: TimeSpan
    @usableFromInline let name: String

    public var lateLeft = LateExit<Left.Value>()
    public var lateRight = LateExit<Right.Value>()

    @inlinable @inline(__always) init(
        left: Left, right: Right, window: TimeWindow, lateness: TimeSpan, name: String
    ) {
        precondition(window.kind != .cumulative, "a join takes tumbling, sliding and calendar windows")
        (self.left, self.right, self.window) = (left, right, window.whole)
        (self.lateness, self.name) = (lateness, name)
    }

    @inlinable public func makeState(_ setup: StageSetup) -> State {
        let (window, lateness) = (window, lateness)
        let sides = makeSides(setup)
        let rows = setup.keyedState(name, key: WindowKey<Key>.self, value: Rows.self) {
            EventTime(microseconds: window.end(ofSliceAt: $0.start.microseconds)) + lateness
        }
        return State(
            setup, sides: sides, rows: rows, lateLeft: lateLeft.open(setup), lateRight: lateRight.open(setup),
            promise: promise)
    }

    @inlinable func deadline(_ start: EventTime) -> EventTime {
        EventTime(microseconds: window.end(ofSliceAt: start.microseconds)) + lateness
    }
    /// Rows of a window that is still open are in no window that ended earlier.
    @inlinable public func promise(_ watermark: EventTime) -> EventTime {
        let open = watermark - lateness
        if open == .distantPast || open == .distantFuture { return open }
        if window.own == nil { return open - TimeSpan(microseconds: window.size) }
        return EventTime(microseconds: window.slice(open.microseconds).start)
    }
    /// The windows a time is in that are not over, from the latest on. False for a time without any: it is late.
    @inlinable func eachWindow(_ time: EventTime, _ state: State, _ body: (EventTime) throws -> Void) rethrows -> Bool {
        let watermark = state.sides.now.watermark
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
        return found
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
    @inlinable public func addLeft(
        _ row: Left.Output, _ time: EventTime, _ state: State, _ emit: Emit
    ) throws {
        let isInTime = try eachWindow(time, state) { start in
            let held = held(row.key, start, state)
            let isMatched = try held.pointee.sides.right.match(from: .distantPast, through: .distantFuture) {
                other, at in
                try emit(Keyed(key: row.key, value: Shape.both(row.value, other)), max(time, at))
            }
            try held.pointee.sides.left.insert(JoinRow(time: time, value: row.value, isMatched: isMatched))
        }
        if !isInTime { lateLeft.leave(row.value, time, state.lateLeft, state.sides.now) }
    }
    @inlinable public func addRight(
        _ row: Right.Output, _ time: EventTime, _ state: State, _ emit: Emit
    ) throws {
        let isInTime = try eachWindow(time, state) { start in
            let held = held(row.key, start, state)
            let isMatched = try held.pointee.sides.left.match(from: .distantPast, through: .distantFuture) {
                other, at in
                try emit(Keyed(key: row.key, value: Shape.both(other, row.value)), max(time, at))
            }
            try held.pointee.sides.right.insert(JoinRow(time: time, value: row.value, isMatched: isMatched))
        }
        if !isInTime { lateRight.leave(row.value, time, state.lateRight, state.sides.now) }
    }
    @inlinable @inline(never) public func expire(_ state: State, _ emit: Emit) {
        state.rows.expire(state.sides.now.watermark, deadline: { deadline($0.start) }) { key, held in
            held.pointee.sides.left.drop(before: .distantFuture) { value, time in
                guard let alone = Shape.only(left: value) else { return }
                state.faults.alone(name, "key \(key.key)") { try emit(Keyed(key: key.key, value: alone), time) }
            }
            held.pointee.sides.right.drop(before: .distantFuture) { value, time in
                guard let alone = Shape.only(right: value) else { return }
                state.faults.alone(name, "key \(key.key)") { try emit(Keyed(key: key.key, value: alone), time) }
            }
            state.rows.remove(key)
        }
    }
    public var summary: String { "\(Shape.name) by \(Key.self) within \(window), lateness \(lateness.seconds) s" }
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
