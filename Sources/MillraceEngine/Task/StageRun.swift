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
    private let run: UInt64
    private let state: StateJournal
    /// What was last reported to the budget.
    private var heldBytes = 0
    private var ports: [InputPort]
    /// For a stage behind shuffles; other stages tell the time by their own records.
    private var upstream: UpstreamWatermarks?

    /// As of the last commit that was begun.
    private var mark: TaskMark
    private var out: StageOutput
    private var outbox: Outbox
    /// What the last commit that is done was made of: a busy task fills the same memory again.
    private var spare: Outbox?
    private var delta = StateDelta()
    private var job: CommitJob?

    private var bytesSinceCommit = 0
    /// Late records of earlier runs of the task.
    private let lateBefore: Int64
    /// The commit behind which nothing comes was begun.
    private var isLastCommitted = false
    private var toldWatermark = EventTime.distantPast
    private var toldIdle = false
    private var nextIdleMark: MonotonicTime
    private var nextCommit: MonotonicTime
    private var nextTick: MonotonicTime
    private var lastRecord: MonotonicTime
    private var unread = UnreadAge()
    private var watch = WallWatch()
    /// The watermark that was last shown, and since when.
    private var shownWatermark = EventTime.distantPast
    private var watermarkSince: EventTime?

    init(_ context: TaskContext, from start: TaskStart, board: TaskBoard) throws(Failure) {
        let mark = start.mark
        (self.context, self.board, self.mark, lateBefore) = (context, board, mark, mark.lateRecords)
        run = start.run
        state = try StateJournal(
            of: context.address, in: context.store, holding: mark.journal, limit: context.journalBytes,
            scanLimit: context.stateBudget.most, seed: context.seed)
        kernel = context.stage.makeKernel(KernelOptions(seed: context.seed, idleAfter: context.idleAfter))
        try kernel.restore(from: state, watermark: mark.watermark)
        ports = try Self.open(context, mark, kernel, state)
        if context.upstreamTasks > 0 {
            upstream = UpstreamWatermarks(
                expecting: context.upstreamTasks, restoring: mark.upstream, combined: mark.watermark)
        }
        out = StageOutput(layout: context.layout)
        outbox = Outbox(rows: RowBuffer(layout: context.layout))
        let now = context.clock.now
        (nextCommit, nextTick, nextIdleMark, lastRecord) = (now + context.commitInterval, now, now, now)
        kernel.setWall(context.clock.wall)
        board.update { figures in
            figures.state = .running
            figures.mark = mark
        }
    }

    private static func open(
        _ context: TaskContext, _ mark: TaskMark, _ kernel: StageKernel, _ state: any StateReader
    ) throws(Failure) -> [InputPort] {
        guard mark.positions.isEmpty || mark.positions.count == context.ports.count else {
            throw Failure(
                .incompatible,
                "the last commit read \(mark.positions.count) inputs, this pipeline reads \(context.ports.count)",
                advice: "Give the pipeline a new name, so that it starts afresh", place: context.address.description,
                isFatal: true)
        }
        var ports: [InputPort] = []
        for (index, port) in context.ports.enumerated() {
            let reader = try port.makeReader(mark.positions.isEmpty ? nil : mark.positions[index])
            let blame = try context.blame.map { (book) throws(Failure) in
                try RecordBlame(book, context.address, port: index)
            }
            var failing = FailingRecords(
                context.failures, port: index, input: port.name, task: context.address, release: context.release,
                blame: blame)
            try failing.restore(from: state)
            ports.append(
                InputPort(
                    name: port.name, reader: reader,
                    values: (reader as? any ValueReader).flatMap { reader in
                        takes(reader, kernel, index) ? reader : nil
                    }, failing: failing, committed: reader.position))
        }
        return ports
    }

    private static func takes<R: ValueReader>(_ reader: R, _ kernel: StageKernel, _ port: Int) -> Bool {
        kernel.values(of: R.Value.self, port: port) != nil
    }

    func close() {
        for port in ports { port.reader.close() }
        _ = context.stateBudget.report(before: heldBytes, now: 0)
        heldBytes = 0
    }

    /// Lets parked keys of an input flow again, each from an offset on.
    func unpark(_ keys: [[UInt8]: Int64], port: Int) { ports[port].failing.unpark(keys) }

    // MARK: A turn

    /// Reads and computes for about a millisecond, and sees to the commit.
    func turn(isStopping: Bool, isPaused: Bool, wake: @escaping @Sendable () -> Void) throws(Failure) -> Next {
        let now = context.clock.now
        // From here on the task owes an end of the turn; what user code does in it is seen by nobody else.
        board.update { ($0.lastTurn, $0.hasWork, $0.isInTurn) = (now, true, true) }
        try settleCommit(at: now)
        let mustTick = now >= nextTick
        // Before the records, which are taken to arrive now.
        if mustTick { kernel.setWall(context.clock.wall) }
        let mayRead = !isStopping && !isPaused && !hasEnded && !isFull
        let outcome = mayRead ? try read(at: now) : nil
        if !mayRead { for index in ports.indices { ports[index].isDrained = false } }
        if mustTick { tick(at: now) }
        let isLast = isStopping || (hasEnded && kernel.watermark == .distantFuture)
        if job == nil, isLastCommitted { return finished(isStopping: isStopping) }
        if job == nil, now >= nextCommit || isFull || isLast {
            try beginCommit(at: now, wake: wake)
            isLastCommitted = isLast
            if job == nil, isLast { return finished(isStopping: isStopping) }
        }
        report(now, isPaused: isPaused)
        if outcome == .more { return .goOn }
        if outcome == .empty { for port in ports where !port.hasEnded { port.reader.whenReadable(wake) } }
        return .wait(until: job == nil && hasUncommitted ? min(nextCommit, nextTick) : nextTick)
    }

    private var hasEnded: Bool { ports.allSatisfy(\.hasEnded) }

    /// What waits for a commit is as much as may wait: the source is held back until the disk has caught up.
    private var isFull: Bool {
        bytesSinceCommit >= context.commitBytes || outbox.byteCount + out.rows.byteCount >= context.commitBytes
            || outbox.deadLetters.count >= Limits.deadLettersPerCommit
    }
    /// A commit is on its way to the disk.
    var isCommitting: Bool { job.map { !$0.isDone } ?? false }
    /// Full, and the commit that would make room is under way.
    var isHeldBack: Bool { job != nil && isFull }
    private var hasUncommitted: Bool { isTimeUncommitted || ports.contains { $0.position != $0.committed } }
    /// Not while time only goes on because nothing comes: after a restart it does so again.
    private var isTimeUncommitted: Bool { kernel.watermark != mark.watermark && !isIdle }
    /// Nothing comes in, and nothing holds time back.
    private var isIdle: Bool { upstream?.isIdle ?? kernel.isIdle }

    /// Reads a little of every input. There is more when one of them has more.
    private func read(at now: MonotonicTime) throws(Failure) -> ReadOutcome {
        var outcome = ReadOutcome.ended
        for index in ports.indices where !ports[index].hasEnded {
            let found = try read(port: index, at: now)
            ports[index].isDrained = found == .empty
            switch found {
            case .more: outcome = .more
            case .empty: if outcome == .ended { outcome = .empty }
            case .ended: end(port: index)
            }
        }
        // Behind shuffles the end is what all producers have said, and then nothing of theirs is left to read.
        if outcome == .empty, upstream?.combined == .distantFuture {
            for index in ports.indices { end(port: index) }
        }
        collect()
        return outcome
    }

    private func end(port index: Int) {
        ports[index].hasEnded = true
        kernel.end(port: index, into: &out)
    }

    private func read(port index: Int, at now: MonotonicTime) throws(Failure) -> ReadOutcome {
        let reader = ports[index].reader
        let before = reader.position
        // No more than a commit's worth, so that a turn does not outgrow what the commit bounds.
        let budget = max(1, min(Limits.bytesPerTurn, context.commitBytes) / ports.count)
        let outcome: ReadOutcome
        if upstream != nil, let marked = reader as? any MarkedReader {
            outcome = try marked.read(maxBytes: budget, onMark: tell) { self.process($0, port: index) }
        } else {
            if let values = ports[index].values {
                outcome = try read(values, port: index, maxBytes: budget)
            } else {
                outcome = try reader.read(maxBytes: budget) { self.process($0, port: index) }
            }
            kernel.advance(to: kernel.observed, into: &out)
        }
        for rejected in reader.takeRejected() {
            mark.recordsIn += 1
            ports[index].failing.reject(rejected, at: context.clock.wall)
        }
        if reader.position != before { lastRecord = now }
        return outcome
    }

    /// Records that never were bytes go into the kernel as they are.
    private func read<R: ValueReader>(_ reader: R, port: Int, maxBytes: Int) throws(Failure) -> ReadOutcome {
        let size = MemoryLayout<R.Value>.stride
        guard let input = kernel.values(of: R.Value.self, port: port) else {
            preconditionFailure("a kernel takes values of the types it took when it was made")
        }
        return try reader.read(maxRecords: max(1, maxBytes / size)) { batch in
            bytesSinceCommit += batch.values.count * size
            mark.recordsIn += Int64(batch.values.count)
            unread.read(upTo: batch.time)
            if context.taps.input.isTapped {
                batch.lendBytes {
                    context.taps.input.see($0, partition: context.address.partition, now: context.clock.now)
                }
            }
            ports[port].failing.process(batch, input, kernel, &out, attemptAt: context.clock.wall)
        }
    }

    private func process(_ batch: UnsafeBufferPointer<RawRecord>, port: Int) {
        // A turn of slow records is no stuck one: it gets on by a thousand at a time.
        let now = context.clock.now
        board.update { $0.lastTurn = now }
        for record in batch { bytesSinceCommit += (record.value?.count ?? 0) + (record.key?.count ?? 0) }
        mark.recordsIn += Int64(batch.count)
        // A shuffle's records carry event times, which say nothing about how long they have been there.
        if upstream == nil, let last = batch.last { unread.read(upTo: last.timestamp) }
        if context.taps.input.isTapped {
            context.taps.input.see(batch, partition: context.address.partition, now: context.clock.now)
        }
        ports[port].failing.process(batch, kernel, &out, attemptAt: context.clock.wall)
    }

    /// An upstream task has said how far it is.
    private func tell(_ producer: Int64, _ watermark: EventTime) {
        guard upstream?.tell(producer, watermark) == true, let upstream else { return }
        kernel.advance(to: upstream.combined, into: &out)
    }

    private func tick(at now: MonotonicTime) {
        let wall = context.clock.wall
        if watch.jumped(to: wall, at: now) {
            // How long an input has been silent is not known by this clock any more: it begins anew.
            for index in ports.indices { kernel.keepAwake(port: index, wall: wall) }
            lastRecord = now
        }
        for index in ports.indices where !ports[index].isDrained && !ports[index].hasEnded {
            kernel.keepAwake(port: index, wall: wall)
            lastRecord = now
        }
        kernel.tick(wall: wall, into: &out)
        if upstream == nil { kernel.advance(to: kernel.observed, into: &out) }
        nextTick = now + Limits.tickInterval
        collect()
    }

    /// Moves what the kernel gave back to where it waits for the commit.
    private func collect() {
        if !out.bad.isEmpty {
            ports[0].failing.settle(out.bad, attemptAt: context.clock.wall)
            out.bad.removeAll(keepingCapacity: true)
        }
        for index in ports.indices { outbox.deadLetters += ports[index].failing.takeLetters() }
    }

    // MARK: The commit

    private func settleCommit(at now: MonotonicTime) throws(Failure) {
        guard let result = job?.takeResult() else { return }
        job = nil
        let success = try result.get()
        state.settled()
        if success.spent.byteCount <= context.commitBytes { spare = success.spent }
        for (port, position) in zip(ports, success.mark.positions) { port.reader.committed(upTo: position) }
        let wall = context.clock.wall
        board.update {
            $0.mark = success.mark
            $0.lastCommit = wall
            $0.commitDuration = success.duration
        }
        // Only now: what is evicted is read back from the store, which has it since this moment.
        if let share = reportMemory() {
            _ = kernel.evict(downTo: max(0, share - state.bytes))
            _ = reportMemory()
            try context.stateBudget.check(heldBytes, of: context.address)
        }
    }

    /// What the task's state should shrink to, when all tasks together hold too much.
    private func reportMemory() -> Int? {
        let now = stateBytes
        defer { heldBytes = now }
        return context.stateBudget.report(before: heldBytes, now: now)
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
        for index in ports.indices { ports[index].failing.takeDelta(into: &delta) }
        let isFinished = hasEnded && kernel.watermark == .distantFuture
        guard
            ports.contains(where: { $0.position != $0.committed }) || mark.commits == 0 || !outbox.isEmpty
                || delta.count > 0 || isTimeUncommitted || isFinished != mark.isFinished
        else {
            spare = nil
            return
        }
        mark.positions = ports.map(\.position)
        mark.upstream = upstream?.producers ?? []
        mark.watermark = kernel.watermark
        mark.latestEvent = kernel.observed
        mark.commits += 1
        mark.recordsOut += Int64(outbox.records.count + outbox.rows.count)
        mark.badRecords += Int64(outbox.deadLetters.count)
        mark.lateRecords = lateBefore + Int64(kernel.lateDropped)
        mark.isFinished = isFinished
        let changed = delta
        delta = StateDelta(capacity: changed.byteCount)
        let change = state.take(changed)
        mark.journal = change.kept
        let commit = TaskCommit(
            task: context.address, release: context.release, mark: mark,
            inputs: ports.map { CommittedRange(input: $0.name, first: $0.committed, end: $0.position) },
            state: change, rows: context.table == nil ? nil : outbox.rows, table: context.table)
        job = try CommitJob(commit, outbox, as: run, context: context, wake: wake)
        // Other buffers: these belong to the commit now. Once per commit, not per record.
        outbox = Outbox(rows: RowBuffer(layout: context.layout))
        if var free = spare.take() {
            free.removeAll()
            swap(&out.records, &free.records)
            swap(&out.rows, &free.rows)
        }
        for index in ports.indices { ports[index].committed = ports[index].position }
        bytesSinceCommit = 0
    }

    /// Tells the readers of the shuffle how far this task is, and whether it is idle. While it is, and has nothing to
    /// send, it tells the time now and then, and only if somebody waits for it.
    private func noteWatermark(at now: MonotonicTime) {
        guard context.stage.isShuffled else { return }
        let watermark = kernel.outputWatermark
        // Without a single record the kernel has no time to go on from.
        let hasNone = watermark == .distantPast && now - lastRecord >= context.idleAfter
        let isIdle = (self.isIdle || hasNone) && watermark != .distantFuture
        let isBack = toldIdle && !isIdle && watermark != .distantPast
        let mayWait = toldIdle && isIdle && outbox.records.isEmpty && (now < nextIdleMark || !readersAwaitTime)
        let isTold = isBack || (watermark > toldWatermark && !mayWait)
        if isTold {
            outbox.marks.append(watermark)
            toldWatermark = watermark
        }
        if isIdle, isTold || !toldIdle {
            outbox.marks.append(.distantPast)
            nextIdleMark = now + Limits.idleMarkInterval
        }
        toldIdle = isIdle
    }
    private var readersAwaitTime: Bool { context.stage.isShuffled && context.readersDemand?.isThere != false }

    private var stateBytes: Int { kernel.stateBytes + state.bytes }

    private func finished(isStopping: Bool) -> Next {
        board.update { $0.state = isStopping && !mark.isFinished ? .stopped : .finished }
        return .done
    }

    private func report(_ now: MonotonicTime, isPaused: Bool) {
        let holder = upstream?.holder(named: context.producerName) ?? "its own records"
        if kernel.watermark != shownWatermark || watermarkSince == nil {
            (shownWatermark, watermarkSince) = (kernel.watermark, context.clock.wall)
        }
        let waiting = ports.reduce(0) { $0 + $1.unread }
        context.demand?.tell(task: context.address.partition, isWaiting: kernel.awaitsTime || readersAwaitTime)
        let oldest = unread.oldest(hasUnread: waiting > 0, wall: context.clock.wall)
        board.update { figures in
            figures.state = isPaused ? .paused : .running
            figures.position = ports.reduce(0) { $0 + $1.position }
            (figures.unread, figures.oldestUnread) = (waiting, oldest)
            figures.inputsEnd = ports.reduce(0) { $0 + $1.reader.end }
            figures.mark.recordsIn = mark.recordsIn
            figures.watermark = kernel.watermark == .distantPast ? nil : kernel.watermark
            figures.watermarkHolder = holder
            figures.holderSince = figures.watermark == nil ? nil : watermarkSince
            figures.isIdle = isIdle
            figures.stateBytes = stateBytes
            figures.parkedKeys = ports.reduce(0) { $0 + $1.failing.parkedKeys }
            figures.lastTurn = now
            figures.hasWork = waiting > 0 || job != nil
            (figures.isInTurn, figures.isCommitting) = (false, job != nil)
            figures.isSettled =
                job == nil && outbox.isEmpty && out.records.isEmpty && out.rows.isEmpty
                && ports.allSatisfy { $0.position == $0.committed }
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
