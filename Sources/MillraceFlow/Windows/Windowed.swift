public import MillraceCore

/// A keyed flow with a window, waiting for an aggregate.
public struct Windowed<Upstream: KeyedFlow>: Sendable {
    @usableFromInline let upstream: Upstream
    @usableFromInline let window: TimeWindow
    @usableFromInline let lateness: TimeSpan
    @inlinable @inline(__always) init(upstream: Upstream, window: TimeWindow, lateness: TimeSpan) {
        (self.upstream, self.window, self.lateness) = (upstream, window, lateness)
    }
}

extension KeyedFlow {
    /// Groups each key's values by event time.
    ///
    /// A window's result leaves when the watermark reaches its end. For `lateness` longer the window is kept, and each
    /// record that still comes sends a corrected result; after that a record is late.
    /// - Parameters:
    ///   - at: the event time in a value; it moves the watermark.
    ///   - outOfOrder: how far the watermark stays behind the highest time seen.
    @inlinable @inline(__always) public func window(
        _ window: TimeWindow, at: @escaping @Sendable (Value) throws -> EventTime, lateness: TimeSpan = .zero,
        outOfOrder: TimeSpan = .zero
    ) -> Windowed<Retimed> {
        Windowed(upstream: timed(by: at, outOfOrder: outOfOrder), window: window, lateness: lateness)
    }
    /// The same by the time that records have already.
    @inlinable @inline(__always) public func window(
        _ window: TimeWindow, lateness: TimeSpan = .zero
    ) -> Windowed<Self> { Windowed(upstream: self, window: window, lateness: lateness) }
}

extension Windowed {
    @inlinable @inline(__always) func combined<U: Flow, K: StreamKey, A: MergeableAggregate>(
        _ aggregate: A, _ name: String
    ) -> CombinedWindow<U, K, A> where Upstream == Shuffled<U, K>, A.Element == U.Output {
        CombinedWindow(
            upstream: upstream.upstream, key: upstream.key, window: window, lateness: lateness, aggregate: aggregate,
            name: name)
    }
    @inlinable @inline(__always) func local<A: MergeableOrNot>(
        _ aggregate: A, _ name: String
    ) -> LocalWindow<Upstream, A> where A.Base.Element == Upstream.Value {
        LocalWindow(upstream: upstream, window: window, lateness: lateness, aggregate: aggregate, name: name)
    }
}
