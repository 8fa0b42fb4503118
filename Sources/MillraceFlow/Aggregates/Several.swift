public import MillraceCore

/// Two accumulators side by side.
public struct Beside<A: Storable, B: Storable>: Storable {
    public var a: A
    public var b: B
    @inlinable @inline(__always) init(_ a: A, _ b: B) { (self.a, self.b) = (a, b) }
    @inlinable public func store(into writer: inout ByteWriter) {
        a.store(into: &writer)
        b.store(into: &writer)
    }
    @inlinable public static func load(from reader: inout ByteReader) throws -> Beside {
        Beside(try .load(from: &reader), try .load(from: &reader))
    }
}

/// Two aggregates in one pass, their results made into one value.
public struct Both<A: MergeableAggregate, B: MergeableAggregate, Result: Sendable>: MergeableAggregate
where A.Element == B.Element {
    public typealias Element = A.Element
    public typealias Accumulator = Beside<A.Accumulator, B.Accumulator>
    @usableFromInline let a: A
    @usableFromInline let b: B
    @usableFromInline let make: @Sendable (A.Result, B.Result) -> Result
    @inlinable @inline(__always) public init(
        _ a: A, _ b: B, make: @escaping @Sendable (A.Result, B.Result) -> Result
    ) { (self.a, self.b, self.make) = (a, b, make) }
    @inlinable @inline(__always) public func makeAccumulator() -> Accumulator {
        Beside(a.makeAccumulator(), b.makeAccumulator())
    }
    @inlinable @inline(__always) public func add(_ element: Element, to accumulator: inout Accumulator) throws {
        try a.add(element, to: &accumulator.a)
        try b.add(element, to: &accumulator.b)
    }
    @inlinable @inline(__always) public func add(
        _ element: Element, at time: EventTime, to accumulator: inout Accumulator
    ) throws {
        try a.add(element, at: time, to: &accumulator.a)
        try b.add(element, at: time, to: &accumulator.b)
    }
    @inlinable @inline(__always) public func merge(_ other: Accumulator, into accumulator: inout Accumulator) throws {
        try a.merge(other.a, into: &accumulator.a)
        try b.merge(other.b, into: &accumulator.b)
    }
    @inlinable public func result(of accumulator: Accumulator) -> Result {
        make(a.result(of: accumulator.a), b.result(of: accumulator.b))
    }
    public var layout: String { "(\(a.layout), \(b.layout))" }
    /// Both versions in one number.
    public var version: Int {
        precondition(b.version >= 1 && b.version <= Limits.aggregateVersions, "versions count from 1")
        return 1 + (a.version - 1) * Limits.aggregateVersions + (b.version - 1)
    }
    public func migrate(_ stored: inout ByteReader, from version: Int) throws -> Accumulator? {
        let (ofA, ofB) = (version - 1).quotientAndRemainder(dividingBy: Limits.aggregateVersions)
        guard let a = try Self.part(a, &stored, ofA + 1), let b = try Self.part(b, &stored, ofB + 1) else { return nil }
        return Beside(a, b)
    }
    private static func part<P: Aggregate>(
        _ part: P, _ stored: inout ByteReader, _ version: Int
    ) throws -> P.Accumulator? {
        version == part.version ? try P.Accumulator.load(from: &stored) : try part.migrate(&stored, from: version)
    }
}
