public import MillraceCore

extension WindowCore {
    /// Sends the results of every window that `watermark` has passed, in the order of their ends, and drops what is
    /// over.
    @inlinable @inline(never) func fireDue<A: MergeableOrNot>(
        _ watermark: EventTime, _ aggregate: A, _ emit: (Pane<Key, A.Base.Result>, EventTime) throws -> Void
    ) where A.Base.Accumulator == Accumulator {
        leave()
        let now = watermark.microseconds
        if words.pointee.rule.window.isShared {
            fireShared(now, aggregate, emit)
        } else {
            fireWhole(now, aggregate.base, emit)
        }
        words.pointee.firedThrough = max(words.pointee.firedThrough, now)
        words.pointee.headerIsDirty = true
        findDue()
    }

    @inlinable func fireWhole<A: Aggregate>(
        _ now: Int64, _ aggregate: A, _ emit: (Pane<Key, A.Result>, EventTime) throws -> Void
    ) where A.Accumulator == Accumulator {
        let rule = words.pointee.rule
        while let index = words.pointee.slices.indices.filter({ due(words.pointee.slices[$0]) <= now }).min(by: {
            due(words.pointee.slices[$0]) < due(words.pointee.slices[$1])
        }) {
            var slice = words.pointee.slices[index]
            let isOver = slice.end.saturatingAdd(rule.lateness) <= now
            if !slice.isFired {
                slice.isComplete = load(slice)
                slice.isFired = true
                words.pointee.slices[index] = slice
                slice.table.forEachOrdered { key, state in
                    report(key, state, slice, aggregate, .onTime, isFinal: isOver, emit)
                }
            } else {
                // What came late and was not reported leaves now or never.
                if rule.trigger.late != .count(1) {
                    slice.isComplete = load(slice)
                    words.pointee.slices[index] = slice
                    slice.table.forEachOrdered { key, state in
                        guard state.pointee.pending > 0 else { return }
                        report(key, state, slice, aggregate, .late, isFinal: true, emit)
                    }
                }
                drop(at: index)
                continue
            }
            if isOver { drop(at: index) }
        }
    }

    @inlinable func fireShared<A: MergeableOrNot>(
        _ now: Int64, _ aggregate: A, _ emit: (Pane<Key, A.Base.Result>, EventTime) throws -> Void
    ) where A.Base.Accumulator == Accumulator {
        let window = words.pointee.rule.window
        while true {
            let from = words.pointee.firedThrough.saturatingAdd(1)
            let end = words.pointee.slices.reduce(Int64.max) { least, slice in
                let next = window.nextEnd(ofSliceTo: slice.end, from: from)
                return next > window.lastEnd(ofSliceAt: slice.start) ? least : min(least, next)
            }
            guard end <= now, end != .max else { break }
            let start = window.start(ofWindowTo: end)
            let merged =
                words.pointee.merged.take() ?? Table(capacity: words.pointee.usualKeys, seed: words.pointee.seed)
            defer {
                merged.reset(seed: words.pointee.seed)
                words.pointee.merged = merged
            }
            var failed: Set<Key> = []
            for index in words.pointee.slices.indices {
                let slice = words.pointee.slices[index]
                guard slice.start >= start, slice.end <= end else { continue }
                words.pointee.slices[index].isComplete = load(slice)
                slice.table.forEach { key, state in
                    var isNew = false
                    let held = merged.slot(of: key) {
                        isNew = true
                        return (state.pointee, false)
                    }
                    if isNew { return }
                    do {
                        try aggregate.merge(state.pointee.accumulator, into: &held.pointee.accumulator)
                    } catch {
                        // A result without one of its parts would be wrong.
                        words.pointee.faults.mention(words.pointee.name, "key \(key), window from \(start)", error)
                        failed.insert(key)
                    }
                }
            }
            words.pointee.firedThrough = end
            words.pointee.usualKeys = max(8, merged.count)
            merged.forEachOrdered { key, state in
                if !failed.isEmpty, failed.contains(key) { return }
                send(
                    Pane(
                        key: key, start: EventTime(microseconds: start), end: EventTime(microseconds: end),
                        value: aggregate.base.result(of: state.pointee.accumulator)), emit)
            }
        }
        while let index = words.pointee.slices.firstIndex(where: { window.lastEnd(ofSliceAt: $0.start) <= now }) {
            drop(at: index)
        }
    }

    /// A result is a piece of work of its own: when a closure behind throws, the others still leave.
    @inlinable @inline(__always) func send<Result: Sendable>(
        _ pane: Pane<Key, Result>, _ emit: (Pane<Key, Result>, EventTime) throws -> Void
    ) {
        words.pointee.faults.alone(
            words.pointee.name, "key \(pane.key), window [\(pane.start.microseconds), \(pane.end.microseconds))"
        ) { try emit(pane, pane.end - .microseconds(1)) }
    }

    /// Forgets a slice, in memory now and in the store with the next delta.
    @inlinable func drop(at index: Int) {
        let slice = words.pointee.slices.remove(at: index)
        words.pointee.headerIsDirty = true
        if !words.pointee.rule.window.isShared { words.pointee.usualKeys = max(8, slice.table.count) }
        if slice.table.hasStored || !slice.isComplete {
            words.pointee.dropped.append(slice)
        } else {
            giveBack(slice.table)
        }
    }
}

/// An aggregate with its way of merging, if it has one.
public protocol MergeableOrNot<Base>: Sendable {
    associatedtype Base: Aggregate
    static var merges: Bool { get }
    var base: Base { get }
    func merge(_ other: Base.Accumulator, into accumulator: inout Base.Accumulator) throws
}

public struct Merging<Base: MergeableAggregate>: MergeableOrNot {
    public let base: Base
    @inlinable @inline(__always) init(_ base: Base) { self.base = base }
    @inlinable public static var merges: Bool { true }
    @inlinable @inline(__always) public func merge(
        _ other: Base.Accumulator, into accumulator: inout Base.Accumulator
    ) throws {
        try base.merge(other, into: &accumulator)
    }
}

/// For aggregates that cannot merge; their windows are kept whole, so nothing is ever merged.
public struct NotMerging<Base: Aggregate>: MergeableOrNot {
    public let base: Base
    @inlinable @inline(__always) init(_ base: Base) { self.base = base }
    @inlinable public static var merges: Bool { false }
    public func merge(_ other: Base.Accumulator, into accumulator: inout Base.Accumulator) {
        preconditionFailure("an aggregate that cannot merge was given shared slices")
    }
}
