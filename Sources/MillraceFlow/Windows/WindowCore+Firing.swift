public import MillraceCore

extension WindowCore {
    /// Sends the results of every window that `watermark` has passed, in the order of their ends, and drops what is over.
    @inlinable @inline(never) func fireDue<A: MergeableOrNot>(
        _ watermark: EventTime, _ aggregate: A, _ emit: (Pane<Key, A.Base.Result>, EventTime) throws -> Void
    ) throws where A.Base.Accumulator == Accumulator {
        leave()
        let now = watermark.microseconds
        if words.pointee.window.isShared {
            try fireShared(now, aggregate, emit)
        } else {
            try fireWhole(now, aggregate.base, emit)
        }
        words.pointee.headerIsDirty = true
        findDue()
    }

    @inlinable func fireWhole<A: Aggregate>(
        _ now: Int64, _ aggregate: A, _ emit: (Pane<Key, A.Result>, EventTime) throws -> Void
    ) throws where A.Accumulator == Accumulator {
        let lateness = words.pointee.lateness
        for index in words.pointee.slices.indices {
            let slice = words.pointee.slices[index]
            guard !slice.isFired, slice.end <= now else { continue }
            let complete = load(slice)
            words.pointee.slices[index].isFired = true
            words.pointee.slices[index].isComplete = complete
            let isFinal = slice.end.saturatingAdd(lateness) <= now || lateness == 0
            try slice.table.forEachOrdered { key, state in
                let info = PaneInfo(index: Int(state.pointee.fired), timing: .onTime, isFinal: isFinal)
                try emit(
                    Pane(
                        key: key, start: EventTime(microseconds: slice.start), end: EventTime(microseconds: slice.end),
                        value: aggregate.result(of: state.pointee.accumulator), info: info),
                    EventTime(microseconds: slice.end - 1))
            }
        }
        drop { $0.end.saturatingAdd(lateness) <= now }
    }

    @inlinable func fireShared<A: MergeableOrNot>(
        _ now: Int64, _ aggregate: A, _ emit: (Pane<Key, A.Base.Result>, EventTime) throws -> Void
    ) throws where A.Base.Accumulator == Accumulator {
        let window = words.pointee.window
        while true {
            let end = words.pointee.slices.reduce(Int64.max) { min($0, nextEnd($1)) }
            guard end <= now else { break }
            let start = end - window.size
            let merged = Table(capacity: 8, seed: words.pointee.seed)
            defer { merged.destroy() }
            for index in words.pointee.slices.indices {
                let slice = words.pointee.slices[index]
                guard slice.start >= start, slice.end <= end else { continue }
                words.pointee.slices[index].isComplete = load(slice)
                slice.table.forEach { key, state in
                    let found = merged.find(key)
                    if found < 0 {
                        _ = merged.insert(key, state.pointee, stored: false, dirty: false)
                    } else {
                        aggregate.merge(state.pointee.accumulator, into: &merged.value(at: found).pointee.accumulator)
                    }
                }
            }
            words.pointee.firedThrough = end
            try merged.forEachOrdered { key, state in
                try emit(
                    Pane(
                        key: key, start: EventTime(microseconds: start), end: EventTime(microseconds: end),
                        value: aggregate.base.result(of: state.pointee.accumulator)),
                    EventTime(microseconds: end - 1))
            }
        }
        words.pointee.firedThrough = max(words.pointee.firedThrough, now)
        drop { lastEnd($0.start) <= now }
    }

    /// A record came into a window that has fired: the corrected result leaves at once.
    @inlinable @inline(never) func fireLate<A: Aggregate>(
        _ key: Key, _ state: UnsafeMutablePointer<PaneState<Accumulator>>, _ aggregate: A,
        _ emit: (Pane<Key, A.Result>, EventTime) throws -> Void
    ) throws where A.Accumulator == Accumulator {
        let (start, end) = (words.pointee.start, words.pointee.end)
        let info = PaneInfo(index: state.pointee.nextIndex, timing: .late, isFinal: false)
        state.pointee.fired += 1
        try emit(
            Pane(
                key: key, start: EventTime(microseconds: start), end: EventTime(microseconds: end),
                value: aggregate.result(of: state.pointee.accumulator), info: info),
            EventTime(microseconds: end - 1))
    }

    @inlinable func drop(where isOver: (Slice<Key, Accumulator>) -> Bool) {
        var kept: [Slice<Key, Accumulator>] = []
        for slice in words.pointee.slices {
            guard isOver(slice) else {
                kept.append(slice)
                continue
            }
            words.pointee.headerIsDirty = true
            if slice.table.hasStored || !slice.isComplete {
                words.pointee.dropped.append(slice)
            } else {
                slice.table.destroy()
            }
        }
        words.pointee.slices = kept
    }
}

/// An aggregate with its way of merging, if it has one.
public protocol MergeableOrNot<Base>: Sendable {
    associatedtype Base: Aggregate
    var base: Base { get }
    func merge(_ other: Base.Accumulator, into accumulator: inout Base.Accumulator)
}

public struct Merging<Base: MergeableAggregate>: MergeableOrNot {
    public let base: Base
    @inlinable @inline(__always) init(_ base: Base) { self.base = base }
    @inlinable @inline(__always) public func merge(_ other: Base.Accumulator, into accumulator: inout Base.Accumulator)
    {
        base.merge(other, into: &accumulator)
    }
}

/// For aggregates that cannot merge; their windows keep whole windows, so nothing is ever merged.
public struct NotMerging<Base: Aggregate>: MergeableOrNot {
    public let base: Base
    @inlinable @inline(__always) init(_ base: Base) { self.base = base }
    public func merge(_ other: Base.Accumulator, into accumulator: inout Base.Accumulator) {
        preconditionFailure("an aggregate that cannot merge was given shared slices")
    }
}
