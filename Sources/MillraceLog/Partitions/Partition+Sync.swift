internal import MillraceCore

extension Partition {
    /// Asks the sync threads for a sync; several requests before it begins are one.
    func requestSync() {
        let mustQueue = state.withLock { state in
            guard state.fault == nil, !state.isSyncQueued, !state.isSyncing, state.hasUnsynced else { return false }
            state.isSyncQueued = true
            return true
        }
        if mustQueue { context.syncQueue.enqueue(self) }
    }

    /// Asks for a sync some time soon: for what is acknowledged already.
    func requestLazySync() {
        let isWanted = state.withLock { $0.lazySync == nil && !$0.isSyncQueued && !$0.isSyncing && $0.hasUnsynced }
        guard isWanted else { return }
        let deadline = context.clock.now + context.options.lazySyncInterval
        let timer = context.clock.schedule(at: deadline) { [weak self] in
            guard let self else { return }
            self.state.withLock { $0.lazySync = nil }
            self.requestSync()
        }
        state.withLock { $0.lazySync = timer }
    }

    struct SyncJob {
        var file: any StorageFile
        var end: Int64
        var segment: Segment
        var unsyncedBytes: Int64
        var needsDirectory: Bool
    }

    /// One sync of everything written so far. Called by the sync threads.
    func syncPending() {
        let job: SyncJob? = state.withLock { state in
            state.isSyncQueued = false
            guard !state.isSyncing, let job = state.syncJob() else { return nil }
            state.isSyncing = true
            return job
        }
        guard let job else { return }
        do throws(Failure) {
            try perform(job)
            state.withLock { $0.isSyncing = false }
            completed(job)
        } catch {
            state.withLock { $0.isSyncing = false }
            fence(error)
        }
        if state.withLock({ !$0.waiting.isEmpty }) || settings.current.durability == .durable {
            requestSync()
        } else if state.withLock({ $0.hasUnsynced }) {
            requestLazySync()
        }
    }

    /// The same on the writer's thread, for a roll and for the close.
    func syncNow() throws(Failure) {
        guard let job = state.withLock({ $0.syncJob() }) else { return }
        do throws(Failure) { try perform(job) } catch {
            fence(error)
            throw error
        }
        completed(job)
    }

    private func perform(_ job: SyncJob) throws(Failure) {
        try attempting("The disk did not confirm what was written", place: name) { () throws(IOFault) in
            try job.file.sync()
            if job.needsDirectory { try context.storage.syncDirectory(directory) }
        }
        notePoint(job.segment, durable: job.end)
    }

    /// The hint for the next start. When it cannot be written the old one stays: recovery then reads more.
    func notePoint(_ segment: Segment, durable: Int64) {
        let hasState = state.withLock { $0.hasState }
        let point = RecoveryPoint(
            durableOffset: durable, segmentBase: segment.base, position: UInt32(segment.bytes),
            epoch: segment.name.epoch, hasState: hasState)
        do throws(IOFault) { try points.write(point, of: index) } catch { return }
    }

    private func completed(_ job: SyncJob) {
        let durability = settings.current.durability
        let (woken, mustWrite) = state.withLock { state in
            state.durable = max(state.durable, job.end)
            if state.durable == state.end {
                state.unsyncedBytes = 0
                // A segment started meanwhile still waits for its directory.
                if state.segments.last?.name == job.segment.name { state.dirtyFile = nil }
            } else if state.segments.last?.name == job.segment.name {
                state.unsyncedBytes = max(0, state.unsyncedBytes - job.unsyncedBytes)
            }
            if job.needsDirectory, state.segments.last?.name == job.segment.name { state.needsDirectorySync = false }
            let count = state.waiting.firstIndex { $0.end > state.durable } ?? state.waiting.count
            for done in state.waiting[..<count] {
                state.answers.append(Answer(outcome: .success(done.result), completion: done.completion))
            }
            state.waiting.removeFirst(count)
            var mustWrite = state.isHeldBack && state.fault == nil
            if mustWrite {
                state.isHeldBack = false
                mustWrite = state.takeTurn()
            }
            return (state.awakened(durability), mustWrite)
        }
        deliverAnswers()
        for wake in woken { wake() }
        if mustWrite { context.writeQueue.enqueue(self) }
    }

    /// After a failed sync nothing is known about the file's unsynced part: no append is acknowledged any more, until a
    /// restart has read back what is there.
    func fence(_ cause: Failure) {
        let failure = Failure(
            cause.code, "The partition is fenced: \(cause.message)",
            advice: "Check the disk, then restart: recovery keeps what was acknowledged", place: name,
            cause: cause.cause,
            isFatal: true)
        refuse(failure)
    }

    /// Stops appends for good and fails those that wait.
    func refuse(_ failure: Failure) {
        let durability = settings.current.durability
        let (bytes, woken) = state.withLock { state in
            if state.fault == nil { state.fault = failure }
            for waiting in state.waiting {
                state.answers.append(Answer(outcome: .failure(failure), completion: waiting.completion))
            }
            for case .some(let request) in state.queue {
                state.answers.append(Answer(outcome: .failure(failure), completion: request.completion))
            }
            let bytes = state.queue.reduce(0) { $0 + ($1?.batch.count ?? 0) }
            (state.queue, state.waiting, state.isHeldBack) = ([], [], false)
            return (bytes, state.awakened(durability))
        }
        context.budget.release(bytes)
        deliverAnswers()
        for wake in woken { wake() }
    }
}

extension Partition.State {
    var hasUnsynced: Bool { dirtyFile != nil && (durable < end || needsDirectorySync) }

    func syncJob() -> Partition.SyncJob? {
        guard fault == nil, hasUnsynced, let file = dirtyFile, let segment = segments.last else { return nil }
        return Partition.SyncJob(
            file: file, end: end, segment: segment, unsyncedBytes: unsyncedBytes, needsDirectory: needsDirectorySync)
    }
}
