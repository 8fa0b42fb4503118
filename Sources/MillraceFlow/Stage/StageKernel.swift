public import MillraceCore

/// One stage of a pipeline on one partition: synchronous, single-threaded, pure but for its own state.
///
/// How an engine drives it (one owner, never two calls at once; nothing here blocks, except a `StateReader` that does):
///
///     let plan = try Plan(rows: PageViews())             // or Plan(records:) when the result goes into a log
///     let stage = plan.stages[0]                         // stage.ports: which logs it reads, by port number
///     let kernel = stage.makeKernel(KernelOptions(seed: …))   // on the lane that will own it
///     try kernel.restore(from: reader, watermark: w)     // when there is a commit to go on from; before any record
///     kernel.setWall(clock.wall)
///     var out = StageOutput(layout: plan.layout)         // reuse it; removeAll() between batches
///     kernel.process(batch, port: 0, into: &out)         // records lent from the log, at most Limits.recordsPerBatch
///     kernel.advance(to: kernel.observed, into: &out)    // a stage that reads sources: by its own records
///     kernel.advance(to: combined, into: &out)           // a stage behind a shuffle: the producers' minimum
///                                                        // (WatermarkCombiner), at each watermark control record
///     kernel.tick(wall: clock.wall, into: &out)          // processing time, idle sources; at least every few 100 ms
///     kernel.end(port: 0, into: &out)                    // nothing will come there any more; also after a restart
///     // at a commit:
///     kernel.flush(into: &out)                           // partial panes leave
///     if let fault = kernel.fault { throw fault }        // stored state cannot be read: nothing may be committed
///     kernel.takeDelta(into: &delta)                     // what to put into the write batch
///     kernel.outputWatermark                             // to write behind the records of a shuffle
///     kernel.sides                                       // side outputs since the last removeAll()
///
/// `out.records` go to the shuffle (partition = hash % partitions) or into the log, `out.rows` into the table,
/// `out.bad` to the dead letters. Lateness is decided by the watermark when the record arrives, so a source stage's
/// output is a function of its partition's records and of the signals it was given, and not of the batches' sizes.
public final class StageKernel {
    public typealias Process = (UnsafeBufferPointer<RawRecord>, Int, Bool, inout StageOutput) -> Int
    public typealias Tell = (Signal, inout StageOutput) -> Void

    private let setup: StageSetup
    private let processBody: Process
    private let tell: Tell
    /// The body of a `TypedInput` for a port.
    private let inlet: (Int) -> Any?
    private var idleness: Idleness
    private let idleAfter: TimeSpan?
    private let ports: Int
    /// The watermark the steps were told last.
    private var told = EventTime.distantPast

    @usableFromInline init(
        setup: StageSetup, options: KernelOptions, ports: Int, process: @escaping Process, tell: @escaping Tell,
        inlet: @escaping (Int) -> Any?
    ) {
        (self.setup, processBody, self.tell, self.inlet) = (setup, process, tell, inlet)
        self.ports = ports
        idleAfter = setup.isSource ? options.idleAfter : nil
        idleness = Idleness(after: idleAfter)
    }

    /// What the stage's own records say about event time. `distantPast` before the first record, and for ever in a
    /// stage behind a shuffle.
    public var observed: EventTime { setup.root.observed }
    /// The stage's watermark: no result of an earlier time will come any more, but for corrections by late records.
    public var watermark: EventTime { setup.root.watermark }
    /// What to tell the readers of this stage's output: it stays behind `watermark` by as much as results may, as those
    /// of an outer join do, which leave when no partner can come any more.
    public var outputWatermark: EventTime { setup.clock.watermark }
    /// Set once stored state could not be read. The stage must stop with it, and commit nothing: `takeDelta` gives
    /// nothing any more.
    public var fault: Failure? { setup.faults.words.pointee.failure }
    /// A source stage that has seen no record for `KernelOptions.idleAfter`: its watermark goes on with the wall clock,
    /// and holds nobody else's back. Send this along with the watermark.
    public var isIdle: Bool { idleness.isIdle }
    public var sides: SideOutputs { setup.sides }
    /// Records that came too late for their window and had no side output to go to, since the kernel was made.
    public var lateDropped: Int { setup.lateDropped }
    public var slots: [any StateSlot] { setup.slots }
    /// Bytes of the state tables; what keys and values own on the heap comes on top.
    public var stateBytes: Int { setup.slots.reduce(0) { $0 + $1.bytes } }
    /// Time alone may bring forth something. If not, an idle stage has nothing to say until the next record.
    public var awaitsTime: Bool { setup.slots.contains(where: \.awaitsTime) }
    public var stateEntries: Int { setup.slots.reduce(0) { $0 + $1.entries } }

    /// Records lent from a log. Ones that fail are in `out.bad` and leave nothing else behind in `out`.
    ///
    /// - Parameter stoppingAtBad: go no further than the first record that fails.
    /// - Returns: how many records were taken, failed ones included.
    @discardableResult public func process(
        _ batch: UnsafeBufferPointer<RawRecord>, port: Int = 0, stoppingAtBad: Bool = false, into out: inout StageOutput
    ) -> Int {
        around(isEmpty: batch.isEmpty) { processBody(batch, port, stoppingAtBad, &out) }
    }
    func around<R>(isEmpty: Bool, _ body: () -> R) -> R {
        if !isEmpty { idleness.sawRecord(wall: setup.root.wall) }
        defer { setup.combineClocks() }
        return body()
    }

    /// The way in for values that were never bytes; keep it, it costs an allocation. `nil` when the port's records are
    /// of another type, or came through a shuffle.
    public func values<T: Record>(of _: T.Type, port: Int = 0) -> TypedInput<T>? {
        (inlet(port) as? TypedInput<T>.Body).map { TypedInput(self, $0) }
    }

    /// No record before `watermark` is expected any more. Going back does nothing.
    public func advance(to watermark: EventTime, into out: inout StageOutput) {
        setup.root.advance(to: watermark)
        tellWatermark(&out)
    }
    /// Records wait at a port that were not handed over yet, since the pipeline is paused, held up by a commit, or
    /// slow: the port is not idle, and event time does not go on without them. Before each `tick`.
    public func keepAwake(port: Int, wall: EventTime) {
        idleness.sawRecord(wall: wall)
        setup.keepAwake(port: port, wall: wall)
    }
    /// The wall clock stands at `wall`; records until the next tick are taken to arrive now.
    public func tick(wall: EventTime, into out: inout StageOutput) {
        setWall(wall)
        setup.findIdleBranches(wall: wall, after: idleAfter)
        if let moved = idleness.tick(wall: wall, observed: setup.root.observed) { setup.root.raise(toAtLeast: moved) }
        tell(.wall(wall), &out)
    }
    public func setWall(_ wall: EventTime) { setup.setWall(wall, futureLimit: Limits.futureTime) }
    /// The log or shuffle at a port has ended: no record comes there any more, and event time goes on without it. When
    /// all ports have ended, event time is over. Whether a port has ended is not stored: say it again after a restart.
    public func end(port: Int, into out: inout StageOutput) {
        precondition(port >= 0 && port < ports, "the stage has no such port")
        if setup.end(port: port, of: ports) { setup.root.advance(to: .distantFuture) }
        tellWatermark(&out)
    }
    /// Before a commit: everything that is due leaves, and so do partial results that are not state.
    public func flush(into out: inout StageOutput) {
        tellWatermark(&out)
        tell(.flush, &out)
    }
    private func tellWatermark(_ out: inout StageOutput) {
        guard setup.root.watermark > told else { return }
        told = setup.root.watermark
        tell(.watermark(told), &out)
    }

    /// Adds what changed since the last call, each key with its step's name in front.
    public func takeDelta(into delta: inout StateDelta) {
        guard fault == nil else { return }
        for slot in setup.slots { slot.takeDelta(into: &delta) }
        setup.takeDelta(into: &delta)
    }
    /// Before the first record. Keeps the reader: state is read when it is touched.
    public func restore(from reader: any StateReader, watermark: EventTime) throws(Failure) {
        for slot in setup.slots {
            try slot.restore(from: reader, watermark: watermark)
        }
        try setup.restore(from: reader, watermark: watermark)
        if let fault { throw fault }
    }
    /// Drops clean state from memory until the tables take at most `budget` bytes, or nothing clean is left.
    public func evict(downTo budget: Int) -> Int {
        var freed = 0
        for slot in setup.slots where stateBytes > budget { freed += slot.evict(bytes: stateBytes - budget) }
        return freed
    }
}

public struct KernelOptions: Sendable {
    /// Seeds the state tables' hashes, and so the order of results of one moment. Draw it once per pipeline and keep
    /// it: then a replay gives the same order.
    public var seed: UInt64
    /// How long a source may bring nothing before event time goes on without it; `nil` for never.
    public var idleAfter: TimeSpan?
    public init(seed: UInt64 = 0, idleAfter: TimeSpan? = Limits.idleAfter) {
        (self.seed, self.idleAfter) = (seed, idleAfter)
    }
}

extension StageKernel {
    /// Makes the closures in which everything is specialised. Called from `Plan`, nowhere else.
    @inlinable public static func make<Q: FlowPath, S: StageSink>(
        _: Q.Type, of pipeline: Q.P, sink: S, isSource: Bool, options: KernelOptions
    ) -> StageKernel where Q.F.Output == S.Value {
        let setup = StageSetup(seed: options.seed, isSource: isSource)
        let state = Q.flow(of: pipeline).makeState(setup)
        let clock = setup.root
        let takesLogTime = clock.takesLogTime
        let bound = clock.logTimeBound
        let faults = setup.faults
        let sendsAlone = faults.words.pointee.isUsed
        return StageKernel(
            setup: setup, options: options, ports: Q.F.StageInput.portCount,
            process: { batch, port, stopsAtBad, out in
                let flow = Q.flow(of: pipeline)
                var taken = batch.count
                if !stopsAtBad, flow.wantsPreparing(state) {
                    StageKernel.runAhead(
                        batch, port, flow, state, sink, faults, sendsAlone, takesLogTime ? bound : nil, clock, &out)
                    taken = 0
                }
                for (index, raw) in batch.prefix(taken).enumerated() {
                    let before = out.bad.count
                    var time = raw.timestamp
                    do {
                        let record = try Q.F.StageInput.decode(raw, port: port, time: &time)
                        if takesLogTime { clock.observe(time, bound: bound) }
                        StageKernel.run(record, time, flow, state, sink, faults, sendsAlone, &out) {
                            BadRecord(offset: raw.offset, port: port, cause: faults.cause, reason: "\($0)")
                        }
                    } catch {
                        out.bad.append(
                            BadRecord(offset: raw.offset, port: port, cause: .undecodable, reason: "\(error)"))
                    }
                    if stopsAtBad, out.bad.count > before {
                        taken = index + 1
                        break
                    }
                }
                if sendsAlone { faults.report(sink, &out) }
                return stopsAtBad ? taken : batch.count
            },
            tell: { signal, out in
                let flow = Q.flow(of: pipeline)
                faults.begin()
                do {
                    try flow.signal(signal, state: state) { value, time in
                        faults.beforeResult(sink, &out)
                        sink.emit(value, at: time, into: &out)
                    }
                } catch { faults.note("stage", "\(signal)", error) }
                faults.report(sink, &out)
            },
            inlet: { port in
                guard port >= 0, port < Q.F.StageInput.portCount else { return nil }
                return Q.F.StageInput.inlet(
                    port: port, by: WholeInlet<Q.F.StageInput>.self, InletSeat(Q.self, sink, setup, port: port),
                    pipeline,
                    state)
            })
    }
}
