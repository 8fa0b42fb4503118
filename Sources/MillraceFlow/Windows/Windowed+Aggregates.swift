/// Any aggregate.
extension Windowed {
    /// An aggregate that merges: combined before the shuffle, and again behind it.
    @inlinable @inline(__always) public func aggregate<U: Flow, K: StreamKey, A: MergeableAggregate>(
        _ aggregate: A, named name: String = "aggregate"
    ) -> CombinedWindow<U, K, A> where Upstream == Shuffled<U, K>, A.Element == U.Output { combined(aggregate, name) }

    /// An aggregate that merges, where the records are.
    @_disfavoredOverload @inlinable @inline(__always) public func aggregate<A: MergeableAggregate>(
        _ aggregate: A, named name: String = "aggregate"
    ) -> LocalWindow<Upstream, Merging<A>> where A.Element == Upstream.Value { local(Merging(aggregate), name) }

    /// An aggregate that cannot merge: every record crosses the shuffle.
    @_disfavoredOverload @inlinable @inline(__always) public func aggregate<A: Aggregate>(
        _ aggregate: A, named name: String = "aggregate"
    ) -> LocalWindow<Upstream, NotMerging<A>> where A.Element == Upstream.Value { local(NotMerging(aggregate), name) }

    /// Two aggregates in one pass.
    @inlinable @inline(__always) public func aggregate<U: Flow, K: StreamKey, A, B, R: Sendable>(
        _ a: A, _ b: B, to _: R.Type, named name: String = "aggregate",
        _ make: @escaping @Sendable (A.Result, B.Result) -> R
    ) -> CombinedWindow<U, K, Both<A, B, R>>
    where
        Upstream == Shuffled<U, K>, A: MergeableAggregate, B: MergeableAggregate, A.Element == U.Output,
        B.Element == U.Output
    { combined(Both(a, b, make: make), name) }

    /// Three aggregates in one pass.
    @inlinable @inline(__always) public func aggregate<U: Flow, K: StreamKey, A, B, C, R: Sendable>(
        _ a: A, _ b: B, _ c: C, to _: R.Type, named name: String = "aggregate",
        _ make: @escaping @Sendable (A.Result, B.Result, C.Result) -> R
    ) -> CombinedWindow<U, K, Both<Both<A, B, Two<A.Result, B.Result>>, C, R>>
    where
        Upstream == Shuffled<U, K>, A: MergeableAggregate, B: MergeableAggregate, C: MergeableAggregate,
        A.Element == U.Output, B.Element == U.Output, C.Element == U.Output
    { combined(Both(Both(a, b, make: Two.init), c) { ab, c in make(ab.a, ab.b, c) }, name) }

    /// Two aggregates in one pass, where the records are.
    @_disfavoredOverload @inlinable @inline(__always) public func aggregate<A, B, R: Sendable>(
        _ a: A, _ b: B, to _: R.Type, named name: String = "aggregate",
        _ make: @escaping @Sendable (A.Result, B.Result) -> R
    ) -> LocalWindow<Upstream, Merging<Both<A, B, R>>>
    where A: MergeableAggregate, B: MergeableAggregate, A.Element == Upstream.Value, B.Element == Upstream.Value {
        local(Merging(Both(a, b, make: make)), name)
    }

    /// Three aggregates in one pass, where the records are.
    @_disfavoredOverload @inlinable @inline(__always) public func aggregate<A, B, C, R: Sendable>(
        _ a: A, _ b: B, _ c: C, to _: R.Type, named name: String = "aggregate",
        _ make: @escaping @Sendable (A.Result, B.Result, C.Result) -> R
    ) -> LocalWindow<Upstream, Merging<Both<Both<A, B, Two<A.Result, B.Result>>, C, R>>>
    where
        A: MergeableAggregate, B: MergeableAggregate, C: MergeableAggregate, A.Element == Upstream.Value,
        B.Element == Upstream.Value, C.Element == Upstream.Value
    { local(Merging(Both(Both(a, b, make: Two.init), c) { ab, c in make(ab.a, ab.b, c) }), name) }
}

/// Two results on their way to being one.
public struct Two<A: Sendable, B: Sendable>: Sendable {
    @usableFromInline let a: A
    @usableFromInline let b: B
    @inlinable @inline(__always) init(_ a: A, _ b: B) { (self.a, self.b) = (a, b) }
}
