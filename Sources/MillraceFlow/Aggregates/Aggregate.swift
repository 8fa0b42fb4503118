/// Folds the values of a key's window into one result.
///
/// The accumulator is kept in a state table and stored: keep it small. All three functions must be pure.
public protocol Aggregate<Element, Result>: Sendable {
    associatedtype Element: Sendable
    associatedtype Accumulator: Storable
    associatedtype Result: Sendable
    func makeAccumulator() -> Accumulator
    func add(_ element: Element, to accumulator: inout Accumulator) throws
    func result(of accumulator: Accumulator) -> Result
    /// What the accumulator is made of, for the schema of the stored state.
    var layout: String { get }
}

extension Aggregate {
    public var layout: String { "\(Accumulator.self)" }
}

/// An aggregate whose parts can be made apart and put together: it is pre-combined before a shuffle, and sliding windows
/// share their slices. `merge` must be associative and commutative.
public protocol MergeableAggregate: Aggregate {
    func merge(_ other: Accumulator, into accumulator: inout Accumulator)
}

public struct Count<Element: Sendable>: MergeableAggregate {
    @inlinable public init() {}
    @inlinable @inline(__always) public func makeAccumulator() -> Int { 0 }
    @inlinable @inline(__always) public func add(_ element: Element, to accumulator: inout Int) { accumulator &+= 1 }
    @inlinable @inline(__always) public func merge(_ other: Int, into accumulator: inout Int) { accumulator &+= other }
    @inlinable @inline(__always) public func result(of accumulator: Int) -> Int { accumulator }
}
