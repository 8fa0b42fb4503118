public import MillraceCore

extension KeyedFlow where Value: Storable {
    /// Pairs of values with one key, where the right value's time lies between `before` ahead of the left one's and
    /// `after` behind it, both included.
    ///
    /// ```swift
    /// Events<Order>().timed(by: \.at).keyed(by: \.id)
    ///     .join(Events<Payment>().timed(by: \.at).keyed(by: \.order), before: .seconds(0), after: .minutes(10))
    /// ```
    /// - Parameters:
    ///   - lateness: how far behind the watermark a row may be; rows are kept that much longer.
    ///   - name: stable across releases, and no other step's of the pipeline.
    @inlinable @inline(__always) public func join<Right: KeyedFlow>(
        _ right: Right, before: TimeSpan, after: TimeSpan, lateness: TimeSpan = .zero, named name: String = "join"
    ) -> IntervalJoin<Self, Right, InnerJoin<Value, Right.Value>> where Right.Key == Key, Right.Value: Storable {
        IntervalJoin(left: self, right: right, before: before, after: after, lateness: lateness, name: name)
    }
    /// The same, with the left values that found no partner.
    @inlinable @inline(__always) public func leftJoin<Right: KeyedFlow>(
        _ right: Right, before: TimeSpan, after: TimeSpan, lateness: TimeSpan = .zero, named name: String = "join"
    ) -> IntervalJoin<Self, Right, LeftJoin<Value, Right.Value>> where Right.Key == Key, Right.Value: Storable {
        IntervalJoin(left: self, right: right, before: before, after: after, lateness: lateness, name: name)
    }
    /// The same, with the right values that found no partner.
    @inlinable @inline(__always) public func rightJoin<Right: KeyedFlow>(
        _ right: Right, before: TimeSpan, after: TimeSpan, lateness: TimeSpan = .zero, named name: String = "join"
    ) -> IntervalJoin<Self, Right, RightJoin<Value, Right.Value>> where Right.Key == Key, Right.Value: Storable {
        IntervalJoin(left: self, right: right, before: before, after: after, lateness: lateness, name: name)
    }
    /// The same, with all values that found no partner.
    @inlinable @inline(__always) public func fullJoin<Right: KeyedFlow>(
        _ right: Right, before: TimeSpan, after: TimeSpan, lateness: TimeSpan = .zero, named name: String = "join"
    ) -> IntervalJoin<Self, Right, FullJoin<Value, Right.Value>> where Right.Key == Key, Right.Value: Storable {
        IntervalJoin(left: self, right: right, before: before, after: after, lateness: lateness, name: name)
    }
}
