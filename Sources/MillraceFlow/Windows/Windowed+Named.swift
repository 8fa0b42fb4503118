/// The usual aggregates by name. Each is there twice: combined before a shuffle, and where the records are; the second
/// is disfavoured, since the compiler would otherwise take it for the simpler one.
extension Windowed {
    /// How many values.
    @inlinable @inline(__always) public func count<U: Flow, K: StreamKey>(
        named name: String = "count"
    ) -> CombinedWindow<U, K, Count<U.Output>> where Upstream == Shuffled<U, K> { combined(Count(), name) }
    /// How many values.
    @_disfavoredOverload @inlinable @inline(__always) public func count(
        named name: String = "count"
    ) -> LocalWindow<Upstream, Merging<Count<Upstream.Value>>> { local(Merging(Count()), name) }

    /// The sum of a number in each value. Integers that overflow stay at the end of their range.
    @inlinable @inline(__always) public func sum<U: Flow, K: StreamKey, N: AggregateNumber>(
        _ value: @escaping @Sendable (U.Output) throws -> N, named name: String = "sum"
    ) -> CombinedWindow<U, K, Sum<U.Output, N>> where Upstream == Shuffled<U, K> { combined(Sum(value), name) }
    /// The sum of a number in each value. Integers that overflow stay at the end of their range.
    @_disfavoredOverload @inlinable @inline(__always) public func sum<N: AggregateNumber>(
        _ value: @escaping @Sendable (Upstream.Value) throws -> N, named name: String = "sum"
    ) -> LocalWindow<Upstream, Merging<Sum<Upstream.Value, N>>> { local(Merging(Sum(value)), name) }

    /// The smallest.
    @inlinable @inline(__always) public func min<U: Flow, K: StreamKey, N: Storable & Comparable>(
        _ value: @escaping @Sendable (U.Output) throws -> N, named name: String = "min"
    ) -> CombinedWindow<U, K, Min<U.Output, N>> where Upstream == Shuffled<U, K> { combined(Min(value), name) }
    /// The smallest.
    @_disfavoredOverload @inlinable @inline(__always) public func min<N: Storable & Comparable>(
        _ value: @escaping @Sendable (Upstream.Value) throws -> N, named name: String = "min"
    ) -> LocalWindow<Upstream, Merging<Min<Upstream.Value, N>>> { local(Merging(Min(value)), name) }

    /// The largest.
    @inlinable @inline(__always) public func max<U: Flow, K: StreamKey, N: Storable & Comparable>(
        _ value: @escaping @Sendable (U.Output) throws -> N, named name: String = "max"
    ) -> CombinedWindow<U, K, Max<U.Output, N>> where Upstream == Shuffled<U, K> { combined(Max(value), name) }
    /// The largest.
    @_disfavoredOverload @inlinable @inline(__always) public func max<N: Storable & Comparable>(
        _ value: @escaping @Sendable (Upstream.Value) throws -> N, named name: String = "max"
    ) -> LocalWindow<Upstream, Merging<Max<Upstream.Value, N>>> { local(Merging(Max(value)), name) }

    /// The mean.
    @inlinable @inline(__always) public func mean<U: Flow, K: StreamKey, N: AggregateNumber>(
        _ value: @escaping @Sendable (U.Output) throws -> N, named name: String = "mean"
    ) -> CombinedWindow<U, K, Mean<U.Output, N>> where Upstream == Shuffled<U, K> { combined(Mean(value), name) }
    /// The mean.
    @_disfavoredOverload @inlinable @inline(__always) public func mean<N: AggregateNumber>(
        _ value: @escaping @Sendable (Upstream.Value) throws -> N, named name: String = "mean"
    ) -> LocalWindow<Upstream, Merging<Mean<Upstream.Value, N>>> { local(Merging(Mean(value)), name) }

    /// The mean squared distance from the mean.
    @inlinable @inline(__always) public func variance<U: Flow, K: StreamKey, N: AggregateNumber>(
        _ value: @escaping @Sendable (U.Output) throws -> N, named name: String = "variance"
    ) -> CombinedWindow<U, K, Variance<U.Output, N>> where Upstream == Shuffled<U, K> {
        combined(Variance(value), name)
    }
    /// The mean squared distance from the mean.
    @_disfavoredOverload @inlinable @inline(__always) public func variance<N: AggregateNumber>(
        _ value: @escaping @Sendable (Upstream.Value) throws -> N, named name: String = "variance"
    ) -> LocalWindow<Upstream, Merging<Variance<Upstream.Value, N>>> { local(Merging(Variance(value)), name) }

    /// Puts values together two by two; the function must be associative and commutative.
    @inlinable @inline(__always) public func reduce<U: Flow, K: StreamKey>(
        _ combine: @escaping @Sendable (U.Output, U.Output) throws -> U.Output, named name: String = "reduce"
    ) -> CombinedWindow<U, K, Reduce<U.Output>> where Upstream == Shuffled<U, K> { combined(Reduce(combine), name) }
    /// Puts values together two by two; the function must be associative and commutative.
    @_disfavoredOverload @inlinable @inline(__always) public func reduce(
        _ combine: @escaping @Sendable (Upstream.Value, Upstream.Value) throws -> Upstream.Value,
        named name: String = "reduce"
    ) -> LocalWindow<Upstream, Merging<Reduce<Upstream.Value>>> where Upstream.Value: Storable {
        local(Merging(Reduce(combine)), name)
    }

    /// The value of the earliest event time.
    @inlinable @inline(__always) public func first<U: Flow, K: StreamKey>(
        named name: String = "first"
    ) -> CombinedWindow<U, K, First<U.Output>> where Upstream == Shuffled<U, K> { combined(First(), name) }
    /// The value of the earliest event time.
    @_disfavoredOverload @inlinable @inline(__always) public func first(
        named name: String = "first"
    ) -> LocalWindow<Upstream, Merging<First<Upstream.Value>>> where Upstream.Value: Storable {
        local(Merging(First()), name)
    }

    /// The value of the latest event time.
    @inlinable @inline(__always) public func last<U: Flow, K: StreamKey>(
        named name: String = "last"
    ) -> CombinedWindow<U, K, Last<U.Output>> where Upstream == Shuffled<U, K> { combined(Last(), name) }
    /// The value of the latest event time.
    @_disfavoredOverload @inlinable @inline(__always) public func last(
        named name: String = "last"
    ) -> LocalWindow<Upstream, Merging<Last<Upstream.Value>>> where Upstream.Value: Storable {
        local(Merging(Last()), name)
    }

    /// The best values, best first.
    @inlinable @inline(__always) public func topN<U: Flow, K: StreamKey>(
        _ count: Int, by isBetter: @escaping @Sendable (U.Output, U.Output) -> Bool, named name: String = "topN"
    ) -> CombinedWindow<U, K, TopN<U.Output>> where Upstream == Shuffled<U, K> {
        combined(TopN(count, by: isBetter), name)
    }
    /// The best values, best first.
    @_disfavoredOverload @inlinable @inline(__always) public func topN(
        _ count: Int, by isBetter: @escaping @Sendable (Upstream.Value, Upstream.Value) -> Bool,
        named name: String = "topN"
    ) -> LocalWindow<Upstream, Merging<TopN<Upstream.Value>>> where Upstream.Value: Storable {
        local(Merging(TopN(count, by: isBetter)), name)
    }

    /// How many different ones, exactly: each of them is kept.
    @inlinable @inline(__always) public func distinctCount<U: Flow, K: StreamKey, N: StreamKey & Comparable>(
        _ value: @escaping @Sendable (U.Output) throws -> N, named name: String = "distinctCount"
    ) -> CombinedWindow<U, K, DistinctCount<U.Output, N>> where Upstream == Shuffled<U, K> {
        combined(DistinctCount(value), name)
    }
    /// How many different ones, exactly: each of them is kept.
    @_disfavoredOverload @inlinable @inline(__always) public func distinctCount<N: StreamKey & Comparable>(
        _ value: @escaping @Sendable (Upstream.Value) throws -> N, named name: String = "distinctCount"
    ) -> LocalWindow<Upstream, Merging<DistinctCount<Upstream.Value, N>>> { local(Merging(DistinctCount(value)), name) }

    /// Adds values one by one to a value of your own, in the order they arrive.
    @inlinable @inline(__always) public func fold<V: Storable>(
        into initial: V, named name: String = "fold",
        _ update: @escaping @Sendable (inout V, Upstream.Value) throws -> Void
    ) -> LocalWindow<Upstream, NotMerging<Fold<Upstream.Value, V>>> {
        local(NotMerging(Fold(into: initial, update)), name)
    }
}
