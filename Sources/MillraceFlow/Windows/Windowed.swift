public import MillraceCore

/// A keyed flow with a window, waiting for an aggregate.
public struct Windowed<Upstream: KeyedFlow>: Sendable {
    @usableFromInline let upstream: Upstream
    @usableFromInline let window: TimeWindow
    @usableFromInline let lateness: TimeSpan
    @usableFromInline let trigger: Trigger
    @usableFromInline let late: LateExit<Upstream.Value>
    @inlinable @inline(__always) init(
        upstream: Upstream, window: TimeWindow, lateness: TimeSpan, trigger: Trigger,
        late: LateExit<Upstream.Value> = LateExit()
    ) {
        (self.upstream, self.window, self.lateness) = (upstream, window, lateness)
        (self.trigger, self.late) = (trigger, late)
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
        outOfOrder: TimeSpan = .zero, trigger: Trigger = .atWatermark
    ) -> Windowed<Retimed> {
        Windowed(
            upstream: timed(by: at, outOfOrder: outOfOrder), window: window, lateness: lateness, trigger: trigger)
    }
    /// The same by the time that records have already.
    @inlinable @inline(__always) public func window(
        _ window: TimeWindow, lateness: TimeSpan = .zero, trigger: Trigger = .atWatermark
    ) -> Windowed<Self> { Windowed(upstream: self, window: window, lateness: lateness, trigger: trigger) }
}

extension Windowed where Upstream.Value: Record {
    /// Sends records that are too late for their window there, instead of dropping and counting them.
    @inlinable public func late(to side: SideOutput<Upstream.Value>) -> Windowed {
        Windowed(
            upstream: upstream, window: window, lateness: lateness, trigger: trigger,
            late: LateExit(to: side))
    }
}

/// Where late records go. A closure, because only values that are records can be sent: it runs for late ones only.
public struct LateExit<Value: Sendable>: Sendable {
    @usableFromInline let name: String?
    @usableFromInline let send: @Sendable (Value, EventTime, SideOutputs, Int) -> Void
    @inlinable @inline(__always) init() {
        name = nil
        send = { _, _, _, _ in }
    }
    @inlinable init(name: String, send: @escaping @Sendable (Value, EventTime, SideOutputs, Int) -> Void) {
        (self.name, self.send) = (name, send)
    }
    @usableFromInline func open(_ setup: StageSetup) -> LateDoor {
        LateDoor(sides: Unmanaged.passUnretained(setup.sides), number: name.map(setup.sides.open) ?? -1)
    }
    @inlinable @inline(never) func leave(_ value: Value, _ time: EventTime, _ door: LateDoor, _ clock: StageClock) {
        guard door.number >= 0 else { return clock.countLate() }
        send(value, time, door.sides.takeUnretainedValue(), door.number)
    }
}

extension LateExit where Value: Record {
    @inlinable init(to side: SideOutput<Value>) {
        self.init(name: side.name) { value, time, sides, number in sides.send(value, at: time, to: number) }
    }
}

/// The side output of a late exit in a kernel. The setup owns the object.
public struct LateDoor: BitwiseCopyable {
    @usableFromInline let sides: Unmanaged<SideOutputs>
    /// -1 when late records are counted only.
    @usableFromInline let number: Int
    @usableFromInline init(sides: Unmanaged<SideOutputs>, number: Int) { (self.sides, self.number) = (sides, number) }
}

extension Windowed {
    @inlinable @inline(__always) func combined<U: Flow, K: StreamKey, A: MergeableAggregate>(
        _ aggregate: A, _ name: String
    ) -> CombinedWindow<U, K, A> where Upstream == Shuffled<U, K>, A.Element == U.Output {
        CombinedWindow(
            upstream: upstream.upstream, key: upstream.key, window: window, lateness: lateness, trigger: trigger,
            aggregate: aggregate, late: late, name: name)
    }
    @inlinable @inline(__always) func local<A: MergeableOrNot>(
        _ aggregate: A, _ name: String
    ) -> LocalWindow<Upstream, A> where A.Base.Element == Upstream.Value {
        LocalWindow(
            upstream: upstream, window: window, lateness: lateness, trigger: trigger, aggregate: aggregate, late: late,
            name: name)
    }
}
