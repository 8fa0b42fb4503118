public import MillraceCore

/// Results before and after the on-time moment.
extension WindowCore {
    /// A record came into a watched window: a result may leave at once, or later by the wall clock.
    @inlinable @inline(never) func noteRecord<A: Aggregate>(
        _ key: Key, _ state: UnsafeMutablePointer<State>, records: UInt32, _ aggregate: A, wall: EventTime,
        _ emit: (Pane<Key, A.Result>, EventTime) throws -> Void
    ) where A.Accumulator == Accumulator {
        let start = words.pointee.start
        guard let index = words.pointee.slices.firstIndex(where: { $0.start == start }) else { return }
        let slice = words.pointee.slices[index]
        let trigger = words.pointee.rule.trigger
        guard let repetition = slice.isFired ? trigger.late : trigger.early else { return }
        state.pointee.pending &+= records
        switch repetition {
        case .count(let least):
            guard Int(state.pointee.pending) >= least else { return }
            report(key, state, slice, aggregate, slice.isFired ? .late : .early, isFinal: false, emit)
        case .every(let span):
            guard slice.reportAt == .distantFuture else { return }
            words.pointee.slices[index].reportAt = wall + span
            words.pointee.headerIsDirty = true
            words.pointee.nextWall = min(words.pointee.nextWall, wall + span)
        }
    }

    /// The wall clock has come to where a slice's unreported records are due.
    @inlinable @inline(never) func reportDue<A: Aggregate>(
        _ wall: EventTime, _ aggregate: A, _ emit: (Pane<Key, A.Result>, EventTime) throws -> Void
    ) where A.Accumulator == Accumulator {
        words.pointee.nextWall = .distantFuture
        for index in words.pointee.slices.indices {
            if words.pointee.slices[index].reportAt > wall {
                words.pointee.nextWall = min(words.pointee.nextWall, words.pointee.slices[index].reportAt)
                continue
            }
            words.pointee.slices[index].reportAt = .distantFuture
            words.pointee.headerIsDirty = true
            words.pointee.slices[index].isComplete = load(words.pointee.slices[index])
            let slice = words.pointee.slices[index]
            slice.table.forEachOrdered { key, state in
                guard state.pointee.pending > 0 else { return }
                report(key, state, slice, aggregate, slice.isFired ? .late : .early, isFinal: false, emit)
            }
        }
    }

    /// Sends a key's result, and the taking back of the one before where that is asked for.
    @inlinable func report<A: Aggregate>(
        _ key: Key, _ state: UnsafeMutablePointer<State>, _ slice: Slice<Key, Accumulator>, _ aggregate: A,
        _ timing: PaneInfo.Timing, isFinal: Bool, _ emit: (Pane<Key, A.Result>, EventTime) throws -> Void
    ) where A.Accumulator == Accumulator {
        let trigger = words.pointee.rule.trigger
        func send(_ accumulator: Accumulator, _ info: PaneInfo) {
            self.send(
                Pane(
                    key: key, start: EventTime(microseconds: slice.start), end: EventTime(microseconds: slice.end),
                    value: aggregate.result(of: accumulator), info: info), emit)
        }
        // Nothing came since an early result that was told as a part.
        if timing == .onTime, trigger.panes == .discarding, state.pointee.fired > 0, state.pointee.pending == 0 {
            state.pointee.fired |= State.bornLate
            return slice.table.touch(key)
        }
        let index = timing == .late ? state.pointee.lateIndex : state.pointee.earlyIndex
        if let last = state.pointee.last {
            send(
                last.accumulator,
                PaneInfo(index: last.index, timing: last.timing, isFinal: false, isRetraction: true))
        }
        send(state.pointee.accumulator, PaneInfo(index: index, timing: timing, isFinal: isFinal))
        if isFinal { return }
        var isChanged = state.pointee.pending > 0
        state.pointee.pending = 0
        if timing != .onTime {
            state.pointee.fired += 1
            isChanged = true
        }
        switch trigger.panes {
        case .accumulating: break
        case .discarding:
            state.pointee.accumulator = aggregate.makeAccumulator()
            isChanged = true
        case .retracting:
            state.pointee.last = LastFired(state.pointee.accumulator, index, timing)
            isChanged = true
        }
        if isChanged { slice.table.touch(key) }
    }
}
