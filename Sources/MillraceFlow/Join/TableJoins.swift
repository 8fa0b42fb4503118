public import MillraceCore

extension KeyedFlow where Value: Storable {
    /// Each value with the version of the table that was in force at its event time; values without one are left out.
    /// - Parameter forgetAfter: a key's versions go when the watermark is this far beyond the newest. Without it the
    ///   state grows with the number of keys, and the plan warns.
    @inlinable @inline(__always) public func join<Right: KeyedFlow>(
        asOf table: Right, forgetAfter: TimeSpan? = nil, named name: String = "join"
    ) -> AsOfJoin<Self, Right, InnerJoin<Value, Right.Value>> where Right.Key == Key, Right.Value: Storable {
        AsOfJoin(left: self, right: table, forget: forgetAfter ?? TimeSpan(microseconds: .max), name: name)
    }
    /// The same, with the values for which the table had no version.
    @inlinable @inline(__always) public func leftJoin<Right: KeyedFlow>(
        asOf table: Right, forgetAfter: TimeSpan? = nil, named name: String = "join"
    ) -> AsOfJoin<Self, Right, LeftJoin<Value, Right.Value>> where Right.Key == Key, Right.Value: Storable {
        AsOfJoin(left: self, right: table, forget: forgetAfter ?? TimeSpan(microseconds: .max), name: name)
    }
    /// Each value with what the table holds when it arrives; values without a version are left out.
    @inlinable @inline(__always) public func join<Right: KeyedFlow>(
        latest table: Right, forgetAfter: TimeSpan? = nil, named name: String = "join"
    ) -> LatestJoin<Self, Right, InnerJoin<Value, Right.Value>> where Right.Key == Key, Right.Value: Storable {
        LatestJoin(left: self, right: table, forget: forgetAfter ?? TimeSpan(microseconds: .max), name: name)
    }
    /// The same, with the values for which the table holds nothing.
    @inlinable @inline(__always) public func leftJoin<Right: KeyedFlow>(
        latest table: Right, forgetAfter: TimeSpan? = nil, named name: String = "join"
    ) -> LatestJoin<Self, Right, LeftJoin<Value, Right.Value>> where Right.Key == Key, Right.Value: Storable {
        LatestJoin(left: self, right: table, forget: forgetAfter ?? TimeSpan(microseconds: .max), name: name)
    }
}
