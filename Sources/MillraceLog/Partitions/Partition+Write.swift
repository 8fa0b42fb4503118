internal import MillraceCore

extension Partition {
    /// Batches that get their offsets now and are written with one call.
    fileprivate struct Group {
        struct Item {
            var request: Request
            /// With what the log assigned. The batch itself stays as it came: its caller may still hold it.
            var header: BatchHeader
            var undo: ProducerStates.Undo?
        }
        var items: [Item] = []
        var bytes = 0
        /// The offset after the last item.
        var end: Int64
        var isEmpty: Bool { items.isEmpty }
    }

    /// Writes what waits, and what comes meanwhile up to a bound. Called by the store's writer, which has the turn to
    /// write; gives it back, or keeps it when more waits.
    func writePending() {
        var (hasRolled, bytes) = (true, 0)
        repeat {
            let turn = writeTurn()
            hasRolled = hasRolled && turn.hasRolled
            bytes += turn.bytes
        } while bytes < Limits.appendTurnBytes && state.withLock { !$0.queue.isEmpty && !$0.isHeldBack }
        endTurn(hasRolled: hasRolled)
    }

    /// Answers come after the turn is free again: a caller that waited for its answer finds nobody writing then, and
    /// goes on by itself.
    private func endTurn(hasRolled: Bool) {
        let isMore = state.withLock { state in
            state.hasTurn = false
            // A roll that failed is tried again with the next append, not at once.
            return (!state.queue.isEmpty || (state.mustRoll && hasRolled)) && state.takeTurn()
        }
        if isMore { context.writeQueue.enqueue(self) }
        deliverAnswers()
    }

    /// Writes the batch that took the turn, on its caller's thread; false when that would take more than a copy, and
    /// nothing was done.
    func writeAtOnce() -> Bool {
        guard context.options.execution == .threads else { return false }
        let (start, now) = (context.clock.now, context.clock.wall)
        guard context.callers.mayWrite(at: start) else { return false }
        let configuration = settings.current
        let (closedFile, isQuick): (SegmentName?, Bool) = state.withLock { state in
            guard let active = state.segments.last, let header = state.queue.first??.batch.header else {
                return (nil, false)
            }
            // A write beside a sync of the same file may wait for it.
            let isQuick =
                active.index != nil && !state.mustRoll && !state.hasStrayBytes && !state.isSyncing
                && !state.isSyncQueued && !state.hasTooMuchUnsynced(configuration.durability)
                && !state.mustRoll(before: header, behind: 0, state.end, configuration, now)
            return (state.dirtyFile == nil ? active.name : nil, isQuick)
        }
        guard isQuick, closedFile.map({ context.files.isOpen(path($0.log)) }) ?? true else { return false }
        let waits = AppendCallers.waits
        var group = Group(end: 0)
        let request: Request? = state.withLock { state in
            group.end = state.end
            return state.queue.isEmpty ? nil : state.queue.removeFirst()
        }
        if let request {
            add(request, to: &group, configuration, now)
            flush(&group)
        }
        context.callers.wrote(for: context.clock.now - start, waits: AppendCallers.waits - waits, at: start)
        endTurn(hasRolled: true)
        return true
    }

    /// Says how many bytes it took from the queue, and whether a roll that was asked for worked.
    private func writeTurn() -> (hasRolled: Bool, bytes: Int) {
        let configuration = settings.current
        var (requests, bytes, mustRoll, end) = takeRequests(configuration)
        guard !requests.isEmpty || mustRoll else { return (true, 0) }
        var group = Group(end: end)
        let hasRolled = mustRoll ? rollIfNotEmpty() : true
        for at in requests.indices {
            if let request = requests[at].take() { add(request, to: &group, configuration, context.clock.wall) }
        }
        flush(&group)
        return (hasRolled, bytes)
    }

    private func takeRequests(
        _ configuration: TopicConfiguration
    ) -> (requests: [Request?], bytes: Int, mustRoll: Bool, end: Int64) {
        state.withLock { state in
            let mustRoll = state.mustRoll
            state.mustRoll = false
            if state.hasTooMuchUnsynced(configuration.durability) {
                state.isHeldBack = true
                return ([], 0, mustRoll, state.end)
            }
            var (count, bytes) = (0, 0)
            while count < state.queue.count, bytes < Limits.appendTurnBytes {
                bytes += state.queue[count]?.batch.count ?? 0
                count += 1
            }
            if count == state.queue.count {
                let all = state.queue
                state.queue = []
                return (all, bytes, mustRoll, state.end)
            }
            let taken = Array(state.queue[..<count])
            state.queue.removeFirst(count)
            return (taken, bytes, mustRoll, state.end)
        }
    }

    private func add(
        _ incoming: consuming Request, to group: inout Group, _ configuration: TopicConfiguration, _ now: EventTime
    ) {
        var request = incoming
        let given = request.batch.header
        if state.withLock({ $0.mustRoll(before: given, behind: group.bytes, group.end, configuration, now) }) {
            flush(&group)
            do { try roll() } catch { return finish(request, .failure(error)) }
        }
        // Gathering a large batch would only copy it.
        if request.batch.count >= Limits.gatherBatchBytes { flush(&group) }
        // Below: either the batch is refused, or it has its offset and its producer's state knows it.
        let marker = marker(of: request.batch)
        let offset = group.end
        let verdict: (ProducerStates.Verdict, Int32, ProducerStates.Undo?) = state.withLock { state in
            if let fault = state.fault { return (.refuse(fault), 0, nil) }
            let verdict = state.producers.verdict(on: request.batch.header, place: name)
            guard case .accept = verdict, let epoch = state.segments.last?.name.epoch else { return (verdict, 0, nil) }
            var header = request.batch.header
            header.baseOffset = offset
            let undo = state.producers.apply(header, marker: marker, now: now)
            if undo != nil { state.hasState = true }
            return (verdict, epoch, undo)
        }
        switch verdict.0 {
        case .refuse(let failure): return finish(request, .failure(failure))
        case .duplicate(let before): return finishDuplicate(request, before, &group)
        case .accept: break
        }
        if configuration.timestamps == .append, !request.batch.header.attributes.isControl {
            request.batch.stamp(appendMilliseconds: now.flooredMilliseconds)
        }
        var header = request.batch.header
        (header.baseOffset, header.leaderEpoch) = (offset, verdict.1)
        group.end = header.nextOffset
        group.bytes += header.totalBytes
        group.items.append(Group.Item(request: request, header: header, undo: verdict.2))
        if group.bytes >= Limits.gatherBytes || header.totalBytes >= Limits.gatherBatchBytes {
            flush(&group)
        }
    }

    private func marker(of batch: EncodedBatch) -> ControlRecord? {
        guard batch.header.attributes.isControl, batch.header.attributes.isTransactional else { return nil }
        return batch.bytes.withUnsafeBytes { bytes in
            // A control type that is not ours says nothing about the transaction.
            do { return try RecordBatchView(bytes).controlRecord() } catch { return nil }
        }
    }

    /// Writes a group at the end of the active segment; on failure nothing of it was appended.
    private func flush(_ group: inout Group) {
        guard !group.isEmpty else { return }
        let items = group.items
        let bytes = group.bytes
        (group.items, group.bytes) = ([], 0)
        do throws(Failure) {
            let file = try activeFile()
            let position = state.withLock { $0.segments.last?.bytes ?? 0 }
            do throws(IOFault) { try write(items, bytes, to: file, at: position) } catch {
                cutStrayBytes(of: file, at: position)
                throw Failure(error, "The batch could not be written", place: name)
            }
            published(items, bytes, file, at: position)
        } catch {
            group.end = state.withLock { state in
                for item in items.reversed() { if let undo = item.undo { state.producers.revert(undo) } }
                return state.end
            }
            for item in items { finish(item.request, .failure(error)) }
        }
    }

    private func write(
        _ items: [Group.Item], _ bytes: Int, to file: any StorageFile, at position: Int64
    ) throws(IOFault) {
        if items.count == 1 {
            return try items[0].lend { (head, rest) throws(IOFault) in try file.write(head, rest, at: position) }
        }
        var gathered = context.gathering.withLock { memory in
            defer { memory = [] }
            return memory
        }
        gathered.removeAll(keepingCapacity: true)
        gathered.reserveCapacity(bytes)
        for item in items {
            item.lend { head, rest in
                gathered.append(contentsOf: head)
                gathered.append(contentsOf: rest)
            }
        }
        defer { context.gathering.withLock { [gathered] in $0 = gathered } }
        try gathered.lending { (raw) throws(IOFault) in try file.write(raw, at: position) }
    }

    private func cutStrayBytes(of file: any StorageFile, at position: Int64) {
        do throws(IOFault) { try file.truncate(to: position) } catch {
            state.withLock { $0.hasStrayBytes = true }
        }
    }

    /// Makes the written group part of the log, and tells who asked to know.
    private func published(_ items: [Group.Item], _ bytes: Int, _ file: any StorageFile, at position: Int64) {
        let durability = settings.current.durability
        let interval = context.options.indexIntervalBytes
        let outcome: (woken: [@Sendable () -> Void], wantsSync: Bool, fault: Failure?) = state.withLock { state in
            // Fenced while it was written: what lies there is for the next start to judge.
            if let fault = state.fault { return ([], false, fault) }
            let last = state.segments.count - 1
            precondition(last >= 0 && state.segments[last].bytes == position, "only the writer grows a segment")
            let base = state.segments[last].base
            var at = position
            for item in items {
                let header = item.header
                precondition(header.baseOffset == state.end, "offsets are contiguous")
                state.segments[last].index?.note(
                    offset: header.baseOffset, base: base, position: at,
                    bytes: header.totalBytes, milliseconds: header.maxMilliseconds, interval: interval)
                at += Int64(header.totalBytes)
                state.end = header.nextOffset
                let result = AppendResult(baseOffset: header.baseOffset, lastOffset: header.lastOffset)
                let completion = item.request.completion
                if item.request.acknowledgement == .durable {
                    state.waiting.append(Waiting(end: header.nextOffset, result: result, completion: completion))
                } else {
                    state.answers.append(Answer(outcome: .success(result), completion: completion))
                }
            }
            state.segments[last].bytes = at
            state.segments[last].end = state.end
            state.dirtyFile = file
            state.unsyncedBytes += Int64(bytes)
            return (state.awakened(durability), durability == .durable || !state.waiting.isEmpty, nil)
        }
        if let fault = outcome.fault {
            for item in items { finish(item.request, .failure(fault)) }
            return
        }
        context.budget.release(bytes)
        for wake in outcome.woken { wake() }
        if outcome.wantsSync { requestSync() } else { requestLazySync() }
    }

    private func finish(_ request: Request, _ outcome: Result<AppendResult, Failure>) {
        context.budget.release(request.batch.count)
        answer(request, outcome)
    }
    private func answer(_ request: Request, _ outcome: Result<AppendResult, Failure>) {
        state.withLock { $0.answers.append(Answer(outcome: outcome, completion: request.completion)) }
    }

    /// A duplicate is acknowledged like the first: after its sync, when durable was asked for.
    private func finishDuplicate(
        _ request: Request, _ before: ProducerStates.Batch, _ group: inout Group
    ) {
        // The first may lie in the group that is not written yet.
        flush(&group)
        context.budget.release(request.batch.count)
        let result = AppendResult(baseOffset: before.baseOffset, lastOffset: before.lastOffset, isDuplicate: true)
        enum Next { case done, wait, failed(Failure) }
        let next: Next = state.withLock { state in
            if let fault = state.fault { return .failed(fault) }
            // The first was taken back: its write failed after it had been noted.
            guard before.lastOffset < state.end else {
                return .failed(Failure(.io, "The first try was not written", isRetriable: true))
            }
            guard request.acknowledgement == .durable, state.durable <= before.lastOffset else {
                state.answers.append(Answer(outcome: .success(result), completion: request.completion))
                return .done
            }
            let index = state.waiting.firstIndex { $0.end > before.lastOffset + 1 } ?? state.waiting.count
            state.waiting.insert(
                Waiting(end: before.lastOffset + 1, result: result, completion: request.completion), at: index)
            return .wait
        }
        switch next {
        case .done: break
        case .failed(let failure): answer(request, .failure(failure))
        case .wait: requestSync()
        }
    }
}

extension Partition.Group.Item {
    /// The batch as it is to be stored: the header that the log completed, and the rest as it came.
    func lend<R, E: Error>(
        _ body: (_ head: UnsafeRawBufferPointer, _ rest: UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        let head = header.encoded
        return try request.batch.bytes.lending { (bytes) throws(E) in
            let rest = UnsafeRawBufferPointer(rebasing: bytes[BatchHeader.byteCount...])
            return try head.lending { (head) throws(E) in try body(head, rest) }
        }
    }
}

extension Partition.State {
    /// What a crash can tear is bounded where every append is synced; where it is not, nothing bounds it.
    fileprivate func hasTooMuchUnsynced(_ durability: Acknowledgement) -> Bool {
        durability == .durable && unsyncedBytes >= Int64(Limits.unsyncedBytes)
    }

    /// Whether a batch needs a new segment first, when `bytes` up to the offset `end` wait to be written before it.
    fileprivate func mustRoll(
        before batch: BatchHeader, behind bytes: Int, _ end: Int64, _ configuration: TopicConfiguration,
        _ now: EventTime
    ) -> Bool {
        guard let active = segments.last else { return true }
        if active.name.epoch != epoch { return true }
        let size = active.bytes + Int64(bytes)
        guard size > 0 else { return false }
        return size + Int64(batch.totalBytes) > configuration.segmentBytes
            || now - active.since >= configuration.segmentAge
            || end + Int64(batch.lastOffsetDelta) - active.base > Int64(Int32.max)
    }
}
