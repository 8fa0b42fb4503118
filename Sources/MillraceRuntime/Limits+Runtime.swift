public import MillraceCore

extension Limits {
    /// Restarts of one child within `restartPeriod` before its supervisor gives up and escalates.
    public static let restartIntensity = 5
    public static let restartPeriod = TimeSpan.seconds(60)
    /// The wait before the first restart: long enough not to spin, short enough that nobody notices.
    public static let restartBackoffFirst = TimeSpan.milliseconds(100)
    /// The longest wait between restarts: a dependency that comes back is picked up within half a minute.
    public static let restartBackoffLast = TimeSpan.seconds(30)
    /// Jitter either way in per cent, so that what failed together does not come back together.
    public static let restartJitterPercent: Int64 = 20
    /// Children of one supervisor. A node has one per task; the restart storm of the tests has ten thousand.
    public static let children = 100_000
    /// How long a child may take to end once it was told to, before it is abandoned and reported.
    public static let childShutdown = TimeSpan.seconds(10)
    /// How long a child that announces its readiness may take until the next one is started all the same.
    public static let childStart = TimeSpan.seconds(30)

    /// Work posted to one lane by hand and not yet begun. (Actor jobs cannot be refused: they are bounded by the
    /// mailboxes of the actors.)
    public static let lanePosts = 65_536
    /// Lanes of one pool: the largest machines of today.
    public static let lanes = 1_024
    /// A lane that is in one job for so long is closed, and its other strands move away. A turn takes a millisecond.
    public static let laneStuck = TimeSpan.seconds(1)
    /// Lanes that a pool makes in place of closed ones, at most. Each is a thread.
    public static let spareLanes = 16
    /// Jobs of one strand in a row before the lane's other strands have their turn.
    public static let strandQuantumJobs = 16
    /// The same in time, looked at between jobs.
    public static let strandQuantum = TimeSpan.milliseconds(5)
    /// Threads for calls that block. Each may sit in a sync; more would only queue in the disk.
    public static let blockingThreads = 32
    /// Blocking calls that wait for a thread. A commit per task and some reads; full means refusal.
    public static let blockingQueue = 10_000

    /// Messages one mailbox holds unless it says otherwise.
    public static let mailboxMessages = 1_024
    /// Bytes one mailbox holds unless it says otherwise (what its `size` function adds up to).
    public static let mailboxBytes = 16 << 20
    /// Senders that wait for room in one mailbox. More than that are refused: each is a suspended task.
    public static let mailboxSenders = 10_000
    /// Keyed timers of one mailbox. Each has at most one tick in the mailbox.
    public static let mailboxTimers = 1_024
    /// Messages put aside by one stash.
    public static let stashMessages = 1_024
    /// How long an ask waits unless it says otherwise.
    public static let ask = TimeSpan.seconds(5)
    /// Undelivered messages kept to be looked at; all are counted.
    public static let undeliveredKept = 1_000
    /// Subscribers of undelivered messages: a page or two and a log.
    public static let undeliveredSubscribers = 64
    /// Length of an undelivered message's description in UTF-8 bytes.
    public static let undeliveredText = 256
    /// Who may watch one child's death, or listen to one supervisor.
    public static let watchers = 1_024

    /// Blame slots: one for each task that runs user code in a guarded node.
    public static let blameSlots = 1_024
    /// Records and ranges a guard remembers. More poison than that is a bad release, not bad records.
    public static let blamedRecords = 1_000
    /// Process deaths on the same record before it goes to the dead letters.
    public static let blameDeaths = 2
    /// The guarded process counts its heart beat this often.
    public static let heartbeat = TimeSpan.milliseconds(500)
    /// Without a heart beat for so long the process counts as hung and is killed.
    public static let heartbeatLost = TimeSpan.seconds(30)
    /// How often the guard looks at its process: what a death costs before the back-off begins.
    public static let guardLook = TimeSpan.milliseconds(20)
    /// From the first termination signal until the process is stopped at once.
    public static let drain = TimeSpan.seconds(10)
}
