public import MillraceCore

/// What goes wrong in a stage besides a record: a handle for the steps, owned by the setup.
///
/// Two things. Stored state that cannot be read: the first `Failure` is kept, and the engine stops the stage with it.
/// And results that a step sends without a record at hand, when a window fires or a timer's time has come, and at which
/// a closure behind the step throws: that result is noted and left out, and all others go on.
public struct StageFaults: BitwiseCopyable {
    @usableFromInline struct Words {
        /// The next result is the first of a piece of work of its own, or there is something to take back first.
        @usableFromInline var wantsMark = false
        /// Where the output stood before the first result of this piece of work; -1 when it has none.
        @usableFromInline var mark = -1
        /// Where the output is to be cut before anything else happens to it; -1 for nowhere.
        @usableFromInline var cutTo = -1
        /// Steps of this stage send results without a record at hand.
        @usableFromInline var isUsed = false
        /// The record at hand is part of some step's state, whatever becomes of it.
        @usableFromInline var isKept = false
        @usableFromInline var failure: Failure?
        @usableFromInline var thrown: [StepFault] = []
        @usableFromInline init() {}
    }
    @usableFromInline struct StepFault {
        @usableFromInline var step: String
        @usableFromInline var reason: String
        @usableFromInline init(step: String, reason: String) { (self.step, self.reason) = (step, reason) }
    }
    @usableFromInline let words: UnsafeMutablePointer<Words>

    init() {
        words = .allocate(capacity: 1)
        words.initialize(to: Words())
    }
    func destroy() {
        words.deinitialize(count: 1)
        words.deallocate()
    }

    /// Runs a piece of work that belongs to no record: one window's result for one key, one timer. When a closure
    /// throws, what it sent is taken back, and the rest of the firing goes on.
    @inlinable @inline(__always) public func alone(
        _ step: @autoclosure () -> String, _ what: @autoclosure () -> String, _ body: () throws -> Void
    ) {
        begin()
        do {
            try body()
            begin()
        } catch { note(step(), what(), error) }
    }
    /// What follows is a piece of work of its own: what was sent before stays.
    @inlinable @inline(__always) func begin() { (words.pointee.wantsMark, words.pointee.mark) = (true, -1) }
    @usableFromInline func note(_ step: String, _ what: String, _ error: any Error) {
        mention(step, what, error)
        cut()
    }
    /// Notes what was thrown, with nothing sent to be taken back.
    @usableFromInline func mention(_ step: String, _ what: String, _ error: any Error) {
        words.pointee.thrown.append(StepFault(step: step, reason: "\(what): \(error)"))
    }
    /// Takes back what this piece of work has sent.
    @usableFromInline func cut() {
        if words.pointee.mark >= 0 { words.pointee.cutTo = words.pointee.mark }
        begin()
    }
    /// Runs what changes a value and sends what follows from it. When a closure behind throws, the value is put back as
    /// it was; one that is not plain bytes would have to be copied for every record, and the record stays in it.
    @inlinable @inline(__always) func undoing<Value>(
        _ held: UnsafeMutablePointer<Value>, _ body: () throws -> Void
    ) throws {
        if _isPOD(Value.self) {
            let before = held.pointee
            do { try body() } catch {
                held.pointee = before
                throw error
            }
        } else {
            do { try body() } catch {
                words.pointee.isKept = true
                throw error
            }
        }
    }
    /// How the record at hand failed.
    @inlinable var cause: BadRecord.Cause {
        defer { words.pointee.isKept = false }
        return words.pointee.isKept ? .threwBehindState : .threw
    }
    /// Stored state cannot be read. The first one counts; the rest would follow from it.
    @usableFromInline func stop(_ failure: Failure) {
        if words.pointee.failure == nil { words.pointee.failure = failure }
    }
    /// Runs what reads stored state, named `name`.
    @usableFromInline func reading(_ name: String, _ body: () throws -> Void) {
        do { try body() } catch let failure as Failure { stop(failure) } catch {
            stop(
                Failure(
                    .corrupt, "stored state \"\(name)\" cannot be read",
                    advice: "Restore the data directory from a backup, or give the step a new name to start afresh",
                    place: name, cause: error))
        }
    }
}

/// The kernel's side of it.
extension StageFaults {
    /// Before each result: notes where the output stands when this result is the first of its piece of work.
    @inlinable @inline(__always) func beforeResult<S: StageSink>(_ sink: S, _ out: inout StageOutput) {
        if words.pointee.wantsMark { markOutput(sink, &out) }
    }
    @inlinable @inline(never) func markOutput<S: StageSink>(_ sink: S, _ out: inout StageOutput) {
        settle(sink, &out)
        words.pointee.wantsMark = false
        words.pointee.mark = sink.mark(out)
    }
    /// Takes back what was to be taken back.
    @inlinable func settle<S: StageSink>(_ sink: S, _ out: inout StageOutput) {
        guard words.pointee.cutTo >= 0 else { return }
        sink.rollBack(&out, to: words.pointee.cutTo)
        words.pointee.cutTo = -1
    }
    /// After a batch or a signal: what was thrown becomes values.
    @inlinable func report<S: StageSink>(_ sink: S, _ out: inout StageOutput) {
        settle(sink, &out)
        guard !words.pointee.thrown.isEmpty else { return }
        for fault in words.pointee.thrown {
            out.bad.append(
                BadRecord(
                    offset: -1, port: 0, cause: .threw, reason: "step \"\(fault.step)\", \(fault.reason)",
                    step: fault.step))
        }
        words.pointee.thrown.removeAll()
    }
}
