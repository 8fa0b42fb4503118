public import MillraceCore

/// A node as it is at one moment: what `status`, the console and the metrics show. Seconds and bytes throughout.
public struct NodeStatus: Sendable {
    public var startedAt: EventTime
    public var uptime: TimeSpan
    public var dataDirectory: String
    public var cpuSeconds: Double
    public var residentBytes: Int64
    public var pipelines: [PipelineStatus]
    /// `nil` when all is well; otherwise what is wrong, for the health tile.
    public var complaint: String?
}

public struct PipelineStatus: Sendable {
    public enum State: String, Sendable { case starting, running, paused, restarting, failed, stopped, finished }

    public var name: String
    public var state: State
    /// Why it failed, when it did.
    public var failure: String?
    public var stages: [StageStatus]
    /// The tables and logs it writes into.
    public var outputs: [String]
    public var deadLetters: Int64
    public var parkedKeys: Int

    public var tasks: [TaskStatus] { stages.flatMap(\.tasks) }
}

public struct StageStatus: Sendable {
    public var index: Int
    /// The stage's operators in a line, e.g. `events → filter → keyed by page → tumbling 10 s → count`.
    public var title: String
    /// What it reads: the user's logs or sources, or internal shuffle logs.
    public var inputs: [String]
    /// The same in words: a shuffle is what the stage before it sends.
    public var input: String {
        inputs.map { name in
            guard name.hasPrefix("_shuffle."), let dot = name.lastIndex(of: ".") else { return name }
            return "stage \(name[name.index(after: dot)...])"
        }.joined(separator: " and ")
    }
    public var tasks: [TaskStatus]
}

/// One stage on one partition.
public struct TaskStatus: Sendable {
    public var stage: Int
    public var partition: Int
    public var lane: Int
    public var state: PipelineStatus.State
    /// The next record it will read, and one past the last that is there.
    public var position: Int64
    public var end: Int64
    public var lagRecords: Int64 { max(0, end - position) }
    /// How old the next unread record is; zero when there is none.
    public var lag: TimeSpan
    /// `nil` before the first record.
    public var watermark: EventTime?
    /// Which partition or upstream task holds the watermark.
    public var watermarkHolder: String
    /// For how long it has stood still; `nil` before the first record.
    public var watermarkAge: TimeSpan?
    /// Nothing has come for `idle.after`: the task holds nobody back.
    public var isIdle = false
    public var recordsIn: Int64
    public var recordsOut: Int64
    public var lateRecords: Int64
    public var badRecords: Int64
    /// Shares of the last second or so; they sum to one.
    public var busy: Double
    public var idle: Double
    public var blocked: Double
    /// Since the last commit that moved something; and how long that one took.
    public var commitAge: TimeSpan
    public var commitDuration: TimeSpan
    public var commits: Int64
    /// Everything that was read is committed.
    public var isSettled = false
    public var stateBytes: Int
    public var restarts: Int
    /// The last failure, when it restarted.
    public var lastFailure: String?
    /// Records read and results committed in a second, over the last second or so.
    public var inPerSecond = 0.0
    public var outPerSecond = 0.0
}

/// A key whose records go to the dead letters, behind one that failed, until they are sent again.
public struct ParkedKey: Sendable, Hashable {
    public var stage: Int
    public var partition: Int
    /// The log or source that it comes from.
    public var input: String
    public var key: [UInt8]

    public init(stage: Int, partition: Int, input: String, key: [UInt8]) {
        (self.stage, self.partition, self.input, self.key) = (stage, partition, input, key)
    }
}

/// A record that could not be processed, with where it came from.
public struct DeadLetter: Sendable {
    /// In place of an offset, for results that failed when no record was at hand: there is nothing to send again.
    public static let noOffset: Int64 = -1

    /// Its own place in the dead-letter topic.
    public var partition: Int
    public var offset: Int64
    public var pipeline: String
    public var release: String
    public var sourceTopic: String
    public var sourcePartition: Int
    public var sourceOffset: Int64
    public var key: [UInt8]?
    public var value: [UInt8]?
    public var error: String
    public var attempts: Int
    public var at: EventTime
}
