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
    /// Raise it when the stored accumulator changes its meaning or type, and say in `migrate` how to read older ones.
    var version: Int { get }
    /// Reads an accumulator that was stored under an older version; `nil` for a version it knows nothing of.
    ///
    /// ```swift
    /// var version: Int { 2 }  // a mean: the sum, and since 2 the count
    /// func migrate(_ stored: inout ByteReader, from version: Int) throws -> Average? {
    ///     version == 1 ? Average(sum: try Double.load(from: &stored), count: 1) : nil
    /// }
    /// ```
    /// Called for every stored value when a stage starts on older state, before any record. Without an answer for all
    /// of them the start is refused.
    func migrate(_ stored: inout ByteReader, from version: Int) throws -> Accumulator?
}

extension Aggregate {
    @inlinable @inline(__always) public func add(
        _ element: Element, at time: EventTime, to accumulator: inout Accumulator
    ) throws { try add(element, to: &accumulator) }
    public var layout: String { "\(Accumulator.self)" }
    public var version: Int { 1 }
    public func migrate(_ stored: inout ByteReader, from version: Int) throws -> Accumulator? { nil }

    /// For what is stored around accumulators: `nil` as a whole when one of them has no migration.
    func migrating<R>(
        _ body: (_ migrated: (inout ByteReader, Int) throws -> Accumulator) throws -> R
    ) throws -> R? {
        do {
            return try body { stored, version in
                guard let made = try migrate(&stored, from: version) else { throw NoMigration() }
                return made
            }
        } catch is NoMigration { return nil }
    }
}

/// An aggregate whose parts can be made apart and put together: it is pre-combined before a shuffle, and sliding
/// windows share their slices. `merge` must be associative and commutative.
public protocol MergeableAggregate: Aggregate {
    func merge(_ other: Accumulator, into accumulator: inout Accumulator) throws
}

private struct NoMigration: Error {}
