public import MillraceCore

/// Folds the values of a key's window into one result.
///
/// The accumulator is kept in a state table and stored: keep it small. All functions must be pure.
public protocol Aggregate<Element, Result>: Sendable {
    associatedtype Element: Sendable
    associatedtype Accumulator: Storable
    associatedtype Result: Sendable
    func makeAccumulator() -> Accumulator
    func add(_ element: Element, to accumulator: inout Accumulator) throws
    /// For aggregates that look at event time; the default leaves it out.
    func add(_ element: Element, at time: EventTime, to accumulator: inout Accumulator) throws
    func result(of accumulator: Accumulator) -> Result
    /// What the accumulator is made of, for the schema of the stored state.
    var layout: String { get }
    /// Raise it when the stored accumulator changes its meaning, and give `migrations` for what older releases stored.
    var version: Int { get }
    /// Reads accumulators that were stored under an older version.
    func migrate(_ stored: inout ByteReader, from version: Int) throws -> Accumulator?
}

extension Aggregate {
    @inlinable @inline(__always) public func add(
        _ element: Element, at time: EventTime, to accumulator: inout Accumulator
    ) throws { try add(element, to: &accumulator) }
    public var layout: String { "\(Accumulator.self)" }
    public var version: Int { 1 }
    public func migrate(_ stored: inout ByteReader, from version: Int) throws -> Accumulator? { nil }
}

/// An aggregate whose parts can be made apart and put together: it is pre-combined before a shuffle, and sliding
/// windows share their slices. `merge` must be associative and commutative.
public protocol MergeableAggregate: Aggregate {
    func merge(_ other: Accumulator, into accumulator: inout Accumulator)
}
