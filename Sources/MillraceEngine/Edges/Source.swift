public import MillraceCore
public import MillraceFlow

/// Where records come from, batch-wise: the embedded log, a file, a generator, a topic of a Kafka cluster.
///
/// A source says which partitions this process reads, now and whenever that changes; each gets a task with a reader of
/// its own. Positions are the source's own numbers: they are stored with each commit and given back after a restart.
public protocol Source: AnyObject, Sendable {
    var name: String { get }
    /// Partitions there are in all, `0 ..< partitionCount`, here and in other processes.
    var partitionCount: Int { get }
    /// What the partitions are called, when that says which is which: files, say. A pipeline that finds others under
    /// the numbers it knows does not go on with the positions of the old ones; more at the end are new ones. Empty (the
    /// default) when numbers are names enough.
    var partitionNames: [String] { get }
    /// Called once when the pipeline starts; tells the first assignment before it returns. `tell` may be called from
    /// any thread, also later, and returns when the node has acted: after `.revoked` returned, nothing of those
    /// partitions is read or committed any more.
    func start(_ tell: @escaping @Sendable (AssignmentEvent) async -> Void) async throws(Failure)
    /// A reader for a partition assigned before. `nil` starts where the source begins.
    func reader(partition: Int, from position: Int64?) throws(Failure) -> any SourceReader
    func stop() async
}

public enum AssignmentEvent: Sendable, Hashable {
    case assigned(partitions: [Int])
    case revoked(partitions: [Int])
}

/// Reads one partition. Owned by one task, called on its lane; does not block for long, never waits.
public protocol SourceReader: AnyObject {
    /// The next record's position.
    var position: Int64 { get }
    /// Where a restart goes on: `position`, or before it where what was read last may not be on the disk yet.
    var settledPosition: Int64 { get }
    /// One past the last record there is; equal to `position` at the end, or when the source cannot tell.
    var end: Int64 { get }
    /// Lends what is there, up to about `maxBytes`, in calls of at most `Limits.recordsPerBatch` records.
    func read(maxBytes: Int, _ body: (UnsafeBufferPointer<RawRecord>) -> Void) throws(Failure) -> ReadOutcome
    /// Calls `wake` once when there is something to read after an `.empty`. A newer call replaces an older one.
    func whenReadable(_ wake: @escaping @Sendable () -> Void)
    /// Everything before `position` is part of a durable commit and will not be read again: a source that keeps records
    /// for its readers may let go of it.
    func committed(upTo position: Int64)
    /// The record at a position again, for `explain` and dead letters; `nil` when it is no longer there.
    func record(at position: Int64) throws(Failure) -> (key: [UInt8]?, value: [UInt8]?, timestamp: EventTime)?
    /// What was read since the last call and is no record: it goes to the dead letters, as it was. A source that
    /// decodes by itself tells so what it could not decode; others leave that to the record type.
    func takeRejected() -> [RejectedInput]
    func close()
}

/// Input that is no record.
public struct RejectedInput: Sendable, Hashable {
    public var position: Int64
    public var value: [UInt8]
    /// Why, for people.
    public var reason: String
    public init(position: Int64, value: [UInt8], reason: String) {
        (self.position, self.value, self.reason) = (position, value, reason)
    }
}

extension Source {
    public var partitionNames: [String] { [] }
}

extension SourceReader {
    public var settledPosition: Int64 { position }
    public func committed(upTo position: Int64) {}
    public func takeRejected() -> [RejectedInput] { [] }
}

public enum ReadOutcome: Sendable, Hashable {
    /// Records or control marks were read; there may be more.
    case more
    /// Nothing is there now.
    case empty
    /// Nothing will ever come again.
    case ended
}
