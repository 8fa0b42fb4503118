public import MillraceCore

/// How many values.
public struct Count<Element: Sendable>: MergeableAggregate {
    @inlinable public init() {}
    @inlinable @inline(__always) public func makeAccumulator() -> Int { 0 }
    @inlinable @inline(__always) public func add(_ element: Element, to accumulator: inout Int) { accumulator &+= 1 }
    @inlinable @inline(__always) public func merge(_ other: Int, into accumulator: inout Int) { accumulator &+= other }
    @inlinable @inline(__always) public func result(of accumulator: Int) -> Int { accumulator }
}

/// A number that aggregates can be made of. Integers that overflow stay at the end of their range.
public protocol AggregateNumber: Storable, Comparable {
    static var zeroValue: Self { get }
    func adding(_ other: Self) -> Self
    var asDouble: Double { get }
}
extension AggregateNumber where Self: FixedWidthInteger {
    @inlinable public static var zeroValue: Self { 0 }
    @inlinable public func adding(_ other: Self) -> Self {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }
    @inlinable public var asDouble: Double { Double(self) }
}
extension Int: AggregateNumber {}
extension Int32: AggregateNumber {}
extension Int64: AggregateNumber {}
extension UInt32: AggregateNumber {}
extension UInt64: AggregateNumber {}
extension Double: AggregateNumber {
    @inlinable public static var zeroValue: Double { 0 }
    @inlinable public func adding(_ other: Double) -> Double { self + other }
    @inlinable public var asDouble: Double { self }
}
extension Float: AggregateNumber {
    @inlinable public static var zeroValue: Float { 0 }
    @inlinable public func adding(_ other: Float) -> Float { self + other }
    @inlinable public var asDouble: Double { Double(self) }
}

public struct Sum<Element: Sendable, Number: AggregateNumber>: MergeableAggregate {
    @usableFromInline let value: @Sendable (Element) throws -> Number
    @inlinable @inline(__always) public init(_ value: @escaping @Sendable (Element) throws -> Number) {
        self.value = value
    }
    @inlinable @inline(__always) public func makeAccumulator() -> Number { .zeroValue }
    @inlinable @inline(__always) public func add(_ element: Element, to accumulator: inout Number) throws {
        accumulator = accumulator.adding(try value(element))
    }
    @inlinable @inline(__always) public func merge(_ other: Number, into accumulator: inout Number) {
        accumulator = accumulator.adding(other)
    }
    @inlinable @inline(__always) public func result(of accumulator: Number) -> Number { accumulator }
}

/// The smallest value. A window has at least one record, so there always is one.
public struct Min<Element: Sendable, Value: Storable & Comparable>: MergeableAggregate {
    @usableFromInline let value: @Sendable (Element) throws -> Value
    @inlinable @inline(__always) public init(_ value: @escaping @Sendable (Element) throws -> Value) {
        self.value = value
    }
    @inlinable @inline(__always) public func makeAccumulator() -> Value? { nil }
    @inlinable @inline(__always) public func add(_ element: Element, to accumulator: inout Value?) throws {
        let candidate = try value(element)
        if let held = accumulator, held <= candidate { return }
        accumulator = candidate
    }
    @inlinable @inline(__always) public func merge(_ other: Value?, into accumulator: inout Value?) {
        guard let other else { return }
        if let held = accumulator, held <= other { return }
        accumulator = other
    }
    @inlinable public func result(of accumulator: Value?) -> Value { Held.value(accumulator) }
}

/// The largest value.
public struct Max<Element: Sendable, Value: Storable & Comparable>: MergeableAggregate {
    @usableFromInline let value: @Sendable (Element) throws -> Value
    @inlinable @inline(__always) public init(_ value: @escaping @Sendable (Element) throws -> Value) {
        self.value = value
    }
    @inlinable @inline(__always) public func makeAccumulator() -> Value? { nil }
    @inlinable @inline(__always) public func add(_ element: Element, to accumulator: inout Value?) throws {
        let candidate = try value(element)
        if let held = accumulator, held >= candidate { return }
        accumulator = candidate
    }
    @inlinable @inline(__always) public func merge(_ other: Value?, into accumulator: inout Value?) {
        guard let other else { return }
        if let held = accumulator, held >= other { return }
        accumulator = other
    }
    @inlinable public func result(of accumulator: Value?) -> Value { Held.value(accumulator) }
}

@usableFromInline enum Held {
    /// An accumulator gives a result only after a value was added to it.
    @inlinable static func value<T>(_ held: T?) -> T {
        guard let held else { preconditionFailure("the result of an aggregate that was given nothing") }
        return held
    }
}

/// Count, mean and squared distances from it, in a form that merges without losing digits.
public struct Moments: Storable, Hashable {
    public var count: Int = 0
    public var mean: Double = 0
    public var squares: Double = 0
    @inlinable public init() {}
    @inlinable public mutating func add(_ x: Double) {
        count += 1
        let delta = x - mean
        mean += delta / Double(count)
        squares += delta * (x - mean)
    }
    @inlinable public mutating func merge(_ other: Moments) {
        guard other.count > 0 else { return }
        let total = count + other.count
        let delta = other.mean - mean
        squares += other.squares + delta * delta * (Double(count) * Double(other.count) / Double(total))
        mean += delta * Double(other.count) / Double(total)
        count = total
    }
    @inlinable public func store(into writer: inout ByteWriter) {
        count.store(into: &writer)
        mean.store(into: &writer)
        squares.store(into: &writer)
    }
    @inlinable public static func load(from reader: inout ByteReader) throws -> Moments {
        var made = Moments()
        made.count = try .load(from: &reader)
        made.mean = try .load(from: &reader)
        made.squares = try .load(from: &reader)
        return made
    }
}

public struct Mean<Element: Sendable, Number: AggregateNumber>: MergeableAggregate {
    @usableFromInline let value: @Sendable (Element) throws -> Number
    @inlinable @inline(__always) public init(_ value: @escaping @Sendable (Element) throws -> Number) {
        self.value = value
    }
    @inlinable @inline(__always) public func makeAccumulator() -> Moments { Moments() }
    @inlinable @inline(__always) public func add(_ element: Element, to accumulator: inout Moments) throws {
        accumulator.add(try value(element).asDouble)
    }
    @inlinable @inline(__always) public func merge(_ other: Moments, into accumulator: inout Moments) {
        accumulator.merge(other)
    }
    @inlinable @inline(__always) public func result(of accumulator: Moments) -> Double { accumulator.mean }
}

/// The mean squared distance from the mean, of the values as they are (not an estimate for a larger whole).
public struct Variance<Element: Sendable, Number: AggregateNumber>: MergeableAggregate {
    @usableFromInline let value: @Sendable (Element) throws -> Number
    @inlinable @inline(__always) public init(_ value: @escaping @Sendable (Element) throws -> Number) {
        self.value = value
    }
    @inlinable @inline(__always) public func makeAccumulator() -> Moments { Moments() }
    @inlinable @inline(__always) public func add(_ element: Element, to accumulator: inout Moments) throws {
        accumulator.add(try value(element).asDouble)
    }
    @inlinable @inline(__always) public func merge(_ other: Moments, into accumulator: inout Moments) {
        accumulator.merge(other)
    }
    @inlinable @inline(__always) public func result(of accumulator: Moments) -> Double {
        accumulator.count == 0 ? 0 : accumulator.squares / Double(accumulator.count)
    }
}
