internal import MillraceCore

/// What the writing thread keeps from turn to turn.
final class WriteScratch {
    var bytes: [UInt8] = []
}

extension Partition {
    /// Batches that get their offsets now and are written with one call.
    private struct Group {
        struct Item {
            var request: Request
            var undo: ProducerStates.Undo?
        }
        var items: [Item] = []
        var bytes = 0
        /// The offset after the last item.
        var end: Int64
        var isEmpty: Bool { items.isEmpty }
    }

    /// Writes what waits. Called by whoever has taken the turn to write; gives it back, or hands it on when more waits.
    func writePending(_ scratch: WriteScratch) {
        let hasRolled = writeTurn(scratch)
        let isMore = state.withLock { state in
            state.hasTurn = false
            // A roll that failed is tried again with the next append, not at once.
            return (!state.queue.isEmpty || (state.mustRoll && hasRolled)) && state.takeTurn()
        }
        if isMore { context.writeQueue.enqueue(self) }
    }

    /// False when a roll that was asked for did not work.
    private func writeTurn(_ scratch: WriteScratch) -> Bool {
        let configuration = settings.current
        var (requests, mustRoll, end) = takeRequests(configuration)
        guard !requests.isEmpty || mustRoll else { return true }
        var group = Group(end: end)
        let hasRolled = mustRoll ? rollIfNotEmpty() : true
        for at in requests.indices {
            if let request = requests[at].take() { add(request, to: &group, configuration, scratch) }
        }
        flush(&group, scratch)
        return hasRolled
    }

    private func takeRequests(
        _ configuration: TopicConfiguration
    ) -> (requests: [Request?], mustRoll: Bool, end: Int64) {
        state.withLock { state in
            let mustRoll = state.mustRoll
            state.mustRoll = false
            if configuration.durability == .durable, state.unsyncedBytes >= Int64(Limits.unsyncedBytes) {
                state.isHeldBack = true
                return ([], mustRoll, state.end)
            }
            var (count, bytes) = (0, 0)
            while count < state.queue.count, bytes < Limits.appendTurnBytes {
                bytes += state.queue[count]?.batch.count ?? 0
                count += 1
            }
            if count == state.queue.count {
                let all = state.queue
                state.queue = []
                return (all, mustRoll, state.end)
            }
            let taken = Array(state.queue[..<count])
            state.queue.removeFirst(count)
            return (taken, mustRoll, state.end)
        }
    }

    private func add(
        _ incoming: consuming Request, to group: inout Group, _ configuration: TopicConfiguration,
        _ scratch: WriteScratch
    ) {
        var request = incoming
        let now = context.clock.wall
        if mustRoll(before: request.batch, group, configuration, now) {
            flush(&group, scratch)
            do { try roll() } catch { return finish(request, .failure(error)) }
        }
        // Gathering a large batch would only copy it.
        if request.batch.count >= Limits.gatherBatchBytes { flush(&group, scratch) }
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
        case .duplicate(let before): return finishDuplicate(request, before, &group, scratch)
        case .accept: break
        }
        if configuration.timestamps == .append, !request.batch.header.attributes.isControl {
            request.batch.stamp(appendMilliseconds: now.flooredMilliseconds)
        }
        request.batch.place(baseOffset: offset, leaderEpoch: verdict.1)
        group.end = request.batch.header.nextOffset
        group.bytes += request.batch.count
        group.items.append(Group.Item(request: request, undo: verdict.2))
        if group.bytes >= Limits.gatherBytes || request.batch.count >= Limits.gatherBatchBytes {
            flush(&group, scratch)
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
    private func flush(_ group: inout Group, _ scratch: WriteScratch) {
        guard !group.isEmpty else { return }
        let items = group.items
        let bytes = group.bytes
        (group.items, group.bytes) = ([], 0)
        do throws(Failure) {
            let file = try activeFile()
            let position = state.withLock { $0.segments.last?.bytes ?? 0 }
            do throws(IOFault) { try write(items, bytes, to: file, at: position, scratch) } catch {
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
        _ items: [Group.Item], _ bytes: Int, to file: any StorageFile, at position: Int64, _ scratch: WriteScratch
    ) throws(IOFault) {
        if items.count == 1 {
            return try items[0].request.batch.bytes.lending { (raw) throws(IOFault) in try file.write(raw, at: position)
            }
        }
        scratch.bytes.removeAll(keepingCapacity: true)
        scratch.bytes.reserveCapacity(bytes)
        for item in items { scratch.bytes.append(contentsOf: item.request.batch.bytes) }
        try scratch.bytes.lending { (raw) throws(IOFault) in try file.write(raw, at: position) }
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
                let header = item.request.batch.header
                precondition(header.baseOffset == state.end, "offsets are contiguous")
                state.segments[last].index?.note(
                    offset: header.baseOffset, base: base, position: at,
                    bytes: item.request.batch.count, milliseconds: header.maxMilliseconds, interval: interval)
                at += Int64(item.request.batch.count)
                state.end = header.nextOffset
                if item.request.acknowledgement == .durable {
                    state.waiting.append(
                        Waiting(
                            end: header.nextOffset, result: Self.result(header), completion: item.request.completion))
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
        for item in items where item.request.acknowledgement == .written {
            item.request.completion(.success(Self.result(item.request.batch.header)))
        }
        context.budget.release(bytes)
        for wake in outcome.woken { wake() }
        if outcome.wantsSync { requestSync() } else { requestLazySync() }
    }

    private static func result(_ header: BatchHeader) -> AppendResult {
        AppendResult(baseOffset: header.baseOffset, lastOffset: header.lastOffset)
    }

    private func finish(_ request: Request, _ outcome: Result<AppendResult, Failure>) {
        context.budget.release(request.batch.count)
        request.completion(outcome)
    }

    /// A duplicate is acknowledged like the first: after its sync, when durable was asked for.
    private func finishDuplicate(
        _ request: Request, _ before: ProducerStates.Batch, _ group: inout Group, _ scratch: WriteScratch
    ) {
        // The first may lie in the group that is not written yet.
        flush(&group, scratch)
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
        case .done: deliverAnswers()
        case .failed(let failure): request.completion(.failure(failure))
        case .wait: requestSync()
        }
    }

    private func mustRoll(
        before batch: EncodedBatch, _ group: Group, _ configuration: TopicConfiguration, _ now: EventTime
    ) -> Bool {
        state.withLock { state in
            guard let active = state.segments.last else { return true }
            if active.name.epoch != state.epoch { return true }
            let bytes = active.bytes + Int64(group.bytes)
            guard bytes > 0 else { return false }
            return bytes + Int64(batch.count) > configuration.segmentBytes
                || now - active.since >= configuration.segmentAge
                || group.end + Int64(batch.header.lastOffsetDelta) - active.base > Int64(Int32.max)
        }
    }
}
