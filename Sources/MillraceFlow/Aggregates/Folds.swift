public import MillraceCore

/// Puts values together two by two. The function must be associative and commutative: it also merges parts.
public struct Reduce<Element: Storable>: MergeableAggregate {
    @usableFromInline let combine: @Sendable (Element, Element) throws -> Element
    @inlinable @inline(__always) public init(_ combine: @escaping @Sendable (Element, Element) throws -> Element) {
        self.combine = combine
    }
    @inlinable @inline(__always) public func makeAccumulator() -> Element? { nil }
    @inlinable @inline(__always) public func add(_ element: Element, to accumulator: inout Element?) throws {
        accumulator = if let held = accumulator { try combine(held, element) } else { element }
    }
    @inlinable public func merge(_ other: Element?, into accumulator: inout Element?) throws {
        guard let other else { return }
        accumulator = if let held = accumulator { try combine(held, other) } else { other }
    }
    @inlinable public func result(of accumulator: Element?) -> Element { Held.value(accumulator) }
}

/// Adds values one by one to a value of the user's, in the order they arrive. It cannot merge.
public struct Fold<Element: Sendable, Value: Storable>: Aggregate {
    @usableFromInline let initial: Value
    @usableFromInline let update: @Sendable (inout Value, Element) throws -> Void
    @inlinable @inline(__always) public init(
        into initial: Value, _ update: @escaping @Sendable (inout Value, Element) throws -> Void
    ) { (self.initial, self.update) = (initial, update) }
    @inlinable @inline(__always) public func makeAccumulator() -> Value { initial }
    @inlinable @inline(__always) public func add(_ element: Element, to accumulator: inout Value) throws {
        try update(&accumulator, element)
    }
    @inlinable @inline(__always) public func result(of accumulator: Value) -> Value { accumulator }
}

/// A value with its event time, as first and last keep it.
public struct Moment<Value: Storable>: Storable {
    public var time: EventTime
    public var value: Value
    @inlinable init(time: EventTime, value: Value) { (self.time, self.value) = (time, value) }
    @inlinable public func store(into writer: inout ByteWriter) {
        time.store(into: &writer)
        value.store(into: &writer)
    }
    @inlinable public static func load(from reader: inout ByteReader) throws -> Moment {
        Moment(time: try .load(from: &reader), value: try .load(from: &reader))
    }
}

/// The value of the earliest event time; of equal ones the first to arrive.
public struct First<Element: Storable>: MergeableAggregate {
    @inlinable public init() {}
    @inlinable public func makeAccumulator() -> Moment<Element>? { nil }
    @inlinable public func add(_ element: Element, to accumulator: inout Moment<Element>?) throws {
        try add(element, at: .distantPast, to: &accumulator)
    }
    @inlinable @inline(__always) public func add(
        _ element: Element, at time: EventTime, to accumulator: inout Moment<Element>?
    ) throws {
        if let held = accumulator, held.time <= time { return }
        accumulator = Moment(time: time, value: element)
    }
    @inlinable public func merge(_ other: Moment<Element>?, into accumulator: inout Moment<Element>?) {
        guard let other else { return }
        if let held = accumulator, held.time <= other.time { return }
        accumulator = other
    }
    @inlinable public func result(of accumulator: Moment<Element>?) -> Element { Held.value(accumulator).value }
}

/// The value of the latest event time; of equal ones the last to arrive.
public struct Last<Element: Storable>: MergeableAggregate {
    @inlinable public init() {}
    @inlinable public func makeAccumulator() -> Moment<Element>? { nil }
    @inlinable public func add(_ element: Element, to accumulator: inout Moment<Element>?) throws {
        try add(element, at: .distantPast, to: &accumulator)
    }
    @inlinable @inline(__always) public func add(
        _ element: Element, at time: EventTime, to accumulator: inout Moment<Element>?
    ) throws {
        if let held = accumulator, held.time > time { return }
        accumulator = Moment(time: time, value: element)
    }
    @inlinable public func merge(_ other: Moment<Element>?, into accumulator: inout Moment<Element>?) {
        guard let other else { return }
        if let held = accumulator, held.time > other.time { return }
        accumulator = other
    }
    @inlinable public func result(of accumulator: Moment<Element>?) -> Element { Held.value(accumulator).value }
}

/// The `count` values that `isBetter` puts first, best first.
public struct TopN<Element: Storable>: MergeableAggregate {
    @usableFromInline let count: Int
    @usableFromInline let isBetter: @Sendable (Element, Element) -> Bool
    @inlinable public init(_ count: Int, by isBetter: @escaping @Sendable (Element, Element) -> Bool) {
        precondition(count > 0 && count <= Limits.topN, "topN keeps between 1 and \(Limits.topN) values")
        (self.count, self.isBetter) = (count, isBetter)
    }
    @inlinable public func makeAccumulator() -> [Element] { [] }
    @inlinable public func add(_ element: Element, to accumulator: inout [Element]) {
        if accumulator.count == count, !isBetter(element, accumulator[count - 1]) { return }
        var position = accumulator.count
        while position > 0, isBetter(element, accumulator[position - 1]) { position -= 1 }
        accumulator.insert(element, at: position)
        if accumulator.count > count { accumulator.removeLast() }
    }
    @inlinable public func merge(_ other: [Element], into accumulator: inout [Element]) {
        for element in other { add(element, to: &accumulator) }
    }
    @inlinable public func result(of accumulator: [Element]) -> [Element] { accumulator }
}

/// How many different values, exactly: every one of them is kept.
public struct DistinctCount<Element: Sendable, Value: StreamKey & Comparable>: MergeableAggregate {
    @usableFromInline let value: @Sendable (Element) throws -> Value
    @inlinable public init(_ value: @escaping @Sendable (Element) throws -> Value) { self.value = value }
    @inlinable public func makeAccumulator() -> [Value] { [] }
    @inlinable public func add(_ element: Element, to accumulator: inout [Value]) throws {
        insert(try value(element), &accumulator)
    }
    @inlinable func insert(_ value: Value, _ accumulator: inout [Value]) {
        var (low, high) = (0, accumulator.count)
        while low < high {
            let middle = (low + high) / 2
            if accumulator[middle] < value { low = middle + 1 } else { high = middle }
        }
        if low == accumulator.count || accumulator[low] != value { accumulator.insert(value, at: low) }
    }
    @inlinable public func merge(_ other: [Value], into accumulator: inout [Value]) {
        for value in other { insert(value, &accumulator) }
    }
    @inlinable public func result(of accumulator: [Value]) -> Int { accumulator.count }
}
