public import MillraceCore

/// What a kernel gives back for a batch or a signal. Make one per task and reuse it: `removeAll` keeps the storage.
public struct StageOutput {
    /// For a stage before a shuffle: records for the internal log. For a last stage that goes into a log: its records.
    public var records = RecordBuffer()
    /// For a last stage that goes into a table.
    public var rows: RowBuffer
    /// Records that could not be read or whose closures threw.
    public var bad: [BadRecord] = []
    /// Records that were too late for their window and had no side output to go to.
    public var lateDropped = 0

    public init(layout: RowLayout = RowLayout()) { rows = RowBuffer(layout: layout) }

    public mutating func removeAll() {
        records.removeAll()
        rows.removeAll()
        bad.removeAll(keepingCapacity: true)
        lateDropped = 0
    }
}

/// A record that did not become output, or a result that could not be sent on: a value, for the dead letters.
public struct BadRecord: Sendable {
    public enum Cause: Sendable, Hashable {
        /// The bytes are not what the record type expects.
        case undecodable
        /// A closure or operator of the pipeline threw. Nothing of the record is left behind: it may be tried again.
        case threw
        /// The same behind a step that has the record in its state already: tried again it would count twice.
        case threwBehindState
    }
    /// -1 for a result that no record was being processed for: a window that fired, a timer.
    public var offset: Int64
    public var port: Int
    public var cause: Cause
    public var reason: String
    /// The step whose result it was, where there is no record to blame.
    public var step: String?
    public init(offset: Int64, port: Int, cause: Cause, reason: String, step: String? = nil) {
        (self.offset, self.port, self.cause, self.reason, self.step) = (offset, port, cause, reason, step)
    }
}

/// Takes a stage's results one by one, inside the kernel's loop.
public protocol StageSink: SendableMetatype {
    associatedtype Value
    func emit(_ value: Value, at time: EventTime, into out: inout StageOutput)
    /// Marks and takes back, so that a record that fails half-way leaves no output.
    func mark(_ out: StageOutput) -> Int
    func rollBack(_ out: inout StageOutput, to mark: Int)
}

/// Into the shuffle.
public struct ShuffleSink<Value: ShuffleRecord>: StageSink {
    @inlinable public init() {}
    @inlinable @inline(__always) public func emit(_ value: Value, at time: EventTime, into out: inout StageOutput) {
        out.records.append(value, at: time)
    }
    @inlinable public func mark(_ out: StageOutput) -> Int { out.records.count }
    @inlinable public func rollBack(_ out: inout StageOutput, to mark: Int) { out.records.truncate(to: mark) }
}

/// Into a log.
public struct RecordSink<Value: Record>: StageSink {
    @inlinable public init() {}
    @inlinable @inline(__always) public func emit(_ value: Value, at time: EventTime, into out: inout StageOutput) {
        out.records.append(value, at: time)
    }
    @inlinable public func mark(_ out: StageOutput) -> Int { out.records.count }
    @inlinable public func rollBack(_ out: inout StageOutput, to mark: Int) { out.records.truncate(to: mark) }
}

/// Into rows of a table.
public struct RowSink<Value: RowShape>: StageSink {
    @inlinable public init() {}
    @inlinable @inline(__always) public func emit(_ value: Value, at time: EventTime, into out: inout StageOutput) {
        out.rows.append(value, at: time)
    }
    @inlinable public func mark(_ out: StageOutput) -> Int { out.rows.count }
    @inlinable public func rollBack(_ out: inout StageOutput, to mark: Int) { out.rows.truncate(to: mark) }
}
