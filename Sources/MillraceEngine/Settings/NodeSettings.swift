public import MillraceCore

/// Everything about a node that can be set, with its default.
///
/// Later layers win: code, then file, then environment, then arguments (see `SettingsLoader`).
public struct NodeSettings: Sendable {
    /// Log, tables and locks live here. Made with mode 0700.
    public var dataDirectory = ".millrace"
    /// Loopback unless someone says otherwise.
    public var consoleAddress = "127.0.0.1"
    /// 0 lets the system choose; `nil` keeps the port of the topology's `Console`, or no console without one.
    public var consolePort: Int?
    /// Names besides this machine's own that clients may call the console, with commas.
    public var consoleHosts = ""
    /// Files in PEM form. A console that others can reach needs both, or the statement that it may be insecure.
    public var consoleCertificate = ""
    public var consoleKey = ""
    public var consoleInsecure = false
    /// Threads that run tasks. 0 is one per core.
    public var lanes = 0
    /// How long results may wait before they are durable and visible.
    public var commitInterval = TimeSpan.milliseconds(50)
    /// A commit starts early when this much input was read since the last one.
    public var commitBytes = 64 << 20
    /// State kept in memory over all tasks; colder panes leave it.
    public var stateBudget = 256 << 20
    /// A partition without input for so long no longer holds back its pipeline's watermark.
    public var idleAfter = TimeSpan.seconds(5)
    /// A task that has input and makes no progress for so long is reported and restarted.
    public var stuckAfter = TimeSpan.seconds(30)
    /// SIGTERM: finish, commit and close within this time.
    public var drainDeadline = TimeSpan.seconds(10)
    /// Stop by itself after this time; 0 runs until told.
    public var stopAfter = TimeSpan.zero
    /// Run under a parent process that survives traps.
    public var guarded = false
    /// A pipeline that is to go on although records of its input are gone; empty for none. For one start.
    public var skipGap = ""
    public var logLevel = "info"
    /// A table whose rows are printed as they are committed; empty prints none.
    public var show = ""

    public init() {}
}
