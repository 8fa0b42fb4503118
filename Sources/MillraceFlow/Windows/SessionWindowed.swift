public import MillraceCore

/// A keyed flow in sessions, waiting for an aggregate.
public struct SessionWindowed<Upstream: KeyedFlow>: Sendable {
    @usableFromInline let upstream: Upstream
    @usableFromInline let rule: SessionRule
    @usableFromInline var late = LateExit<Upstream.Value>()
    @usableFromInline init(upstream: Upstream, window: SessionWindow, lateness: TimeSpan, trigger: Trigger) {
        self.upstream = upstream
        rule = SessionRule(gap: window.gap, lateness: lateness, trigger: trigger)
    }
    /// Sessions merge, so their aggregate has to.
    @inlinable public func aggregate<A: MergeableAggregate>(
        _ aggregate: A, named name: String = "session"
    ) -> SessionFlow<Upstream, A> where A.Element == Upstream.Value {
        SessionFlow(upstream: upstream, rule: rule, aggregate: aggregate, late: late, name: name)
    }
    @inlinable public func count(named name: String = "count") -> SessionFlow<Upstream, Count<Upstream.Value>> {
        aggregate(Count(), named: name)
    }
    @inlinable public func sum<N: AggregateNumber>(
        _ value: @escaping @Sendable (Upstream.Value) throws -> N, named name: String = "sum"
    ) -> SessionFlow<Upstream, Sum<Upstream.Value, N>> { aggregate(Sum(value), named: name) }
}

extension SessionWindowed where Upstream.Value: Record {
    /// Sends records that are too late for any session there.
    @inlinable public func late(to side: SideOutput<Upstream.Value>) -> SessionWindowed {
        var copy = self
        copy.late = LateExit(to: side)
        return copy
    }
}

extension KeyedFlow {
    /// Groups each key's values into sessions.
    @inlinable public func window(
        _ window: SessionWindow, at: @escaping @Sendable (Value) throws -> EventTime, lateness: TimeSpan = .zero,
        outOfOrder: TimeSpan = .zero, trigger: Trigger = .atWatermark
    ) -> SessionWindowed<Retimed> {
        SessionWindowed(
            upstream: timed(by: at, outOfOrder: outOfOrder), window: window, lateness: lateness, trigger: trigger)
    }
    /// The same by the time that values have already.
    @inlinable public func window(
        _ window: SessionWindow, lateness: TimeSpan = .zero, trigger: Trigger = .atWatermark
    ) -> SessionWindowed<Self> {
        SessionWindowed(upstream: self, window: window, lateness: lateness, trigger: trigger)
    }
    /// Groups each key's values into sessions of processing time: the wall clock when they come here.
    @inlinable public func window(
        processing window: SessionWindow, trigger: Trigger = .atWatermark
    ) -> SessionWindowed<Arriving<Self>> {
        SessionWindowed(upstream: Arriving(upstream: self), window: window, lateness: .zero, trigger: trigger)
    }
}
