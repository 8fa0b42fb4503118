internal import MillraceCore
internal import MillraceFlow

/// The work of a task from one start to its end: a synchronous machine that its actor turns.
///
/// Owns the reader and the kernel; one thread at a time. Its only effects are reading, handing commits to blocking
/// threads, and its board.
final class StageRun {
    enum Next: Equatable {
        /// There is more to do at once; others may have their turn first.
        case goOn
        /// Nothing to do before a wake-up, or before this time.
        case wait(until: MonotonicTime)
        /// The input has ended, or the task was told to stop; everything is committed.
        case done
    }

    private let context: TaskContext
    private let board: TaskBoard
    private let kernel: StageKernel
    private let reader: any SourceReader
    private var upstream: UpstreamWatermarks?
    private var failing: FailingRecords

    /// As of the last commit that was begun.
    private var mark: TaskMark
    private var out: StageOutput
    private var outbox: Outbox
    private var delta = StateDelta()
    private var job: CommitJob?

    private var positionAtCommit: Int64
    private var bytesSinceCommit = 0
    /// Late records of earlier runs of the task.
    private let lateBefore: Int64
    private var hasEnded = false
    /// The commit behind which nothing comes was begun.
    private var isLastCommitted = false
    private var toldWatermark = EventTime.distantPast
    private var toldIdle = false
    private var nextCommit: MonotonicTime
    private var nextTick: MonotonicTime
    private var lastRecord: MonotonicTime
    private var unread = UnreadAge()

    init(_ context: TaskContext, from mark: TaskMark, board: TaskBoard) throws(Failure) {
        (self.context, self.board, self.mark, lateBefore) = (context, board, mark, mark.lateRecords)
        kernel = context.stage.makeKernel(KernelOptions(seed: context.seed))
        try kernel.restore(from: context.store.stateReader(of: context.address), watermark: mark.watermark)
        reader = try context.makeReader(mark.commits == 0 ? nil : mark.position)
        if context.upstreamTasks > 0 {
            upstream = UpstreamWatermarks(producers: context.upstreamTasks, restoring: mark.watermark)
        }
        out = StageOutput(layout: context.layout)
        outbox = Outbox(rows: RowBuffer(layout: context.layout))
        failing = FailingRecords(
            context.failures, input: context.input, task: context.address, release: context.release)
        try failing.restore(from: context.store.stateReader(of: context.address))
        positionAtCommit = reader.position
        let now = context.clock.now
        (nextCommit, nextTick, lastRecord) = (now + context.commitInterval, now, now)
        kernel.setWall(context.clock.wall)
        board.update { figures in
            figures.state = .running
            figures.mark = mark
        }
    }

    func close() { reader.close() }

    /// Lets parked keys flow again, each from an offset on.
    func unpark(_ keys: [[UInt8]: Int64]) { failing.unpark(keys) }

    // MARK: A turn

    /// Reads and computes for about a millisecond, and sees to the commit.
    func turn(isStopping: Bool, isPaused: Bool, wake: @escaping @Sendable () -> Void) throws(Failure) -> Next {
        let now = context.clock.now
        try settleCommit(at: now)
        let mayRead = !isStopping && !isPaused && !hasEnded && !isFull
        let outcome = mayRead ? try read(at: now) : nil
        if now >= nextTick { tick(at: now) }
        let isLast = isStopping || (hasEnded && kernel.watermark == .distantFuture)
        if job == nil, isLastCommitted { return finished(isStopping: isStopping) }
        if job == nil, now >= nextCommit || isFull || isLast {
            try beginCommit(at: now, wake: wake)
            isLastCommitted = isLast
            if job == nil, isLast { return finished(isStopping: isStopping) }
        }
        report(now, isPaused: isPaused)
        if outcome == .more { return .goOn }
        if outcome == .empty { reader.whenReadable(wake) }
        return .wait(until: job == nil && hasUncommitted ? min(nextCommit, nextTick) : nextTick)
    }

    /// What waits for a commit is as much as may wait: the source is held back until the disk has caught up.
    private var isFull: Bool {
        bytesSinceCommit >= context.commitBytes || outbox.byteCount + out.rows.byteCount >= context.commitBytes
            || outbox.deadLetters.count >= Limits.deadLettersPerCommit
    }
    /// Full, and the commit that would make room is under way.
    var isHeldBack: Bool { job != nil && isFull }
    private var hasUncommitted: Bool { reader.position != positionAtCommit || kernel.watermark != mark.watermark }

    private func read(at now: MonotonicTime) throws(Failure) -> ReadOutcome {
        let before = reader.position
        let outcome: ReadOutcome
        if upstream != nil, let marked = reader as? any MarkedReader {
            outcome = try marked.read(maxBytes: Limits.bytesPerTurn, onMark: tell) { self.process($0) }
        } else {
            outcome = try reader.read(maxBytes: Limits.bytesPerTurn) { self.process($0) }
            kernel.advance(to: kernel.observed, into: &out)
        }
        if reader.position != before { lastRecord = now }
        if outcome == .ended {
            hasEnded = true
            kernel.advance(to: .distantFuture, into: &out)
        } else if upstream?.combined == .distantFuture, outcome == .empty {
            hasEnded = true
        }
        collect()
        return outcome
    }

    private func process(_ batch: UnsafeBufferPointer<RawRecord>) {
        for record in batch { bytesSinceCommit += (record.value?.count ?? 0) + (record.key?.count ?? 0) }
        mark.recordsIn += Int64(batch.count)
        // A shuffle's records carry event times, which say nothing about how long they have been there.
        if upstream == nil, let last = batch.last { unread.read(upTo: last.timestamp) }
        if context.taps.input.isTapped {
            context.taps.input.see(batch, partition: context.address.partition, now: context.clock.now)
        }
        failing.process(batch, kernel, &out, attemptAt: context.clock.wall)
    }

    /// An upstream task has said how far it is.
    private func tell(_ producer: Int64, _ watermark: EventTime) {
        guard upstream?.tell(producer, watermark, at: context.clock.wall) == true, let upstream else { return }
        kernel.advance(to: upstream.combined, into: &out)
    }

    private func tick(at now: MonotonicTime) {
        kernel.tick(wall: context.clock.wall, into: &out)
        if upstream == nil { kernel.advance(to: kernel.observed, into: &out) }
        nextTick = now + Limits.tickInterval
        collect()
    }

    /// Moves what the kernel gave back to where it waits for the commit.
    private func collect() {
        outbox.deadLetters += failing.takeLetters()
        out.bad.removeAll(keepingCapacity: true)
    }

    // MARK: The commit

    private func settleCommit(at now: MonotonicTime) throws(Failure) {
        guard let result = job?.result else { return }
        job = nil
        let success = try result.get()
        let wall = context.clock.wall
        board.update {
            $0.mark = success.mark
            $0.lastCommit = wall
            $0.commitDuration = success.duration
        }
        // Only now: what is evicted is read back from the store, which has it since this moment.
        if kernel.stateBytes > context.stateBudget { _ = kernel.evict(downTo: context.stateBudget) }
    }

    /// Hands everything since the last commit to a blocking thread. Does nothing when there is nothing.
    private func beginCommit(at now: MonotonicTime, wake: @escaping @Sendable () -> Void) throws(Failure) {
        nextCommit = now + context.commitInterval
        kernel.flush(into: &out)
        collect()
        swap(&outbox.records, &out.records)
        swap(&outbox.rows, &out.rows)
        if context.taps.output.isTapped {
            context.taps.output.see(outbox.records, partition: context.address.partition, now: now)
            context.taps.output.see(outbox.rows, partition: context.address.partition, now: now)
        }
        outbox.sides = kernel.sides.take()
        noteWatermark(at: now)
        if let fault = kernel.fault { throw fault }
        kernel.takeDelta(into: &delta)
        failing.takeDelta(into: &delta)
        let isFinished = hasEnded && kernel.watermark == .distantFuture
        guard
            reader.position != mark.position || mark.commits == 0 || !outbox.isEmpty || delta.count > 0
                || kernel.watermark != mark.watermark || isFinished != mark.isFinished
        else { return }
        mark.position = reader.position
        mark.watermark = kernel.watermark
        mark.latestEvent = kernel.observed
        mark.commits += 1
        mark.recordsOut += Int64(outbox.records.count + outbox.rows.count)
        mark.badRecords += Int64(outbox.deadLetters.count)
        mark.lateRecords = lateBefore + Int64(kernel.lateDropped)
        mark.isFinished = isFinished
        let commit = TaskCommit(
            task: context.address, release: context.release, mark: mark, input: context.input,
            firstPosition: positionAtCommit, delta: delta, rows: context.table == nil ? nil : outbox.rows,
            table: context.table)
        job = try CommitJob(commit, outbox, context: context, wake: wake)
        // New buffers: the old ones belong to the commit now. Once per commit, not per record.
        outbox = Outbox(rows: RowBuffer(layout: context.layout))
        delta = StateDelta()
        positionAtCommit = reader.position
        bytesSinceCommit = 0
    }

    /// Tells the readers of the shuffle how far this task is, or that it is idle.
    private func noteWatermark(at now: MonotonicTime) {
        guard context.stage.isShuffled else { return }
        let watermark = kernel.outputWatermark
        let isIdle = watermark == .distantPast && now - lastRecord >= context.idleAfter
        if watermark > toldWatermark {
            outbox.watermark = watermark
            toldWatermark = watermark
        } else if isIdle, !toldIdle {
            outbox.watermark = .distantPast
        }
        toldIdle = isIdle
    }

    private func finished(isStopping: Bool) -> Next {
        board.update { $0.state = isStopping && !mark.isFinished ? .stopped : .finished }
        return .done
    }

    private func report(_ now: MonotonicTime, isPaused: Bool) {
        let holder = upstream?.holder ?? (text: "this partition's own records", since: nil)
        let end = reader.end
        let oldest = unread.oldest(hasUnread: end > reader.position, wall: context.clock.wall)
        board.update { figures in
            figures.state = isPaused ? .paused : .running
            (figures.end, figures.oldestUnread) = (end, oldest)
            figures.mark.position = reader.position
            figures.mark.recordsIn = mark.recordsIn
            figures.watermark = kernel.watermark == .distantPast ? nil : kernel.watermark
            (figures.watermarkHolder, figures.holderSince) = (holder.text, holder.since)
            figures.stateBytes = kernel.stateBytes
            figures.parkedKeys = failing.parkedKeys
            figures.lastTurn = now
            figures.hasWork = end > reader.position || job != nil
        }
    }
}

/// A reader of a shuffle: between the records are the producers' watermarks.
protocol MarkedReader: SourceReader {
    func read(
        maxBytes: Int, onMark: (_ producer: Int64, _ watermark: EventTime) -> Void,
        _ body: (UnsafeBufferPointer<RawRecord>) -> Void
    ) throws(Failure) -> ReadOutcome
}
