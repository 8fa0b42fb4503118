public import MillraceCore

extension StageKernel {
    /// One record through the stage. When it fails, what it sent is taken back, but not what fired on its way.
    @inlinable @inline(__always) static func run<F: Flow, S: StageSink>(
        _ record: F.StageInput, _ time: EventTime, _ flow: F, _ state: F.State, _ sink: S, _ faults: StageFaults,
        _ sendsAlone: Bool, _ out: inout StageOutput, _ reject: (any Error) -> BadRecord
    ) where F.Output == S.Value {
        let mark = sendsAlone ? 0 : sink.mark(out)
        if sendsAlone { faults.begin() }
        do {
            try flow.process(record, at: time, state: state) { value, time in
                if sendsAlone { faults.beforeResult(sink, &out) }
                sink.emit(value, at: time, into: &out)
            }
        } catch {
            if sendsAlone {
                faults.cut()
                faults.settle(sink, &out)
            } else {
                sink.rollBack(&out, to: mark)
            }
            out.bad.append(reject(error))
        }
    }

    /// The same for state far beyond the caches: some records are decoded first, and what each will need of the state
    /// is asked for, so that the processor waits for all of it once.
    @inlinable @inline(never) static func runAhead<F: Flow, S: StageSink>(
        _ batch: UnsafeBufferPointer<RawRecord>, _ port: Int, _ flow: F, _ state: F.State, _ sink: S,
        _ faults: StageFaults, _ sendsAlone: Bool, _ logBound: TimeSpan?, _ clock: StageClock, _ out: inout StageOutput
    ) where F.Output == S.Value {
        typealias Ahead = (record: F.StageInput, time: EventTime, index: Int)
        withUnsafeTemporaryAllocation(of: Ahead.self, capacity: Limits.recordsAhead) { ahead in
            var index = 0
            while index < batch.count {
                var count = 0
                while index < batch.count, count < Limits.recordsAhead {
                    let raw = batch[index]
                    var time = raw.timestamp
                    do {
                        let record = try F.StageInput.decode(raw, port: port, time: &time)
                        flow.prepare(record, state: state)
                        ahead.initializeElement(at: count, to: (record, time, index))
                        count += 1
                    } catch {
                        out.bad.append(
                            BadRecord(offset: raw.offset, port: port, cause: .undecodable, reason: "\(error)"))
                    }
                    index += 1
                }
                for (record, time, index) in ahead.prefix(count) {
                    if let logBound { clock.observe(time, bound: logBound) }
                    run(record, time, flow, state, sink, faults, sendsAlone, &out) {
                        BadRecord(offset: batch[index].offset, port: port, cause: faults.cause, reason: "\($0)")
                    }
                }
                UnsafeMutableBufferPointer(rebasing: ahead.prefix(count)).deinitialize()
            }
        }
    }
}
