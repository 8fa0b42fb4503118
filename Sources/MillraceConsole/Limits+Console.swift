public import MillraceCore

extension Limits {
    /// Connections at once, on condition that the process may open 2,000 descriptors more than that, or twice as many.
    public static let httpConnections = 10_000
    /// Files and sockets the process asks to be allowed: all connections, with as many again for segments and tables.
    static let descriptors = 20_000
    /// From one address, when the address is not this machine's.
    public static let httpConnectionsPerAddress = 1_000
    /// That have not shown the token, where others can reach the node. One more ends the oldest of the address that has
    /// the most of them.
    public static let httpStrangers = 100
    /// Memory of a connection for the head of a request (16 KiB at most) and what it sends.
    public static let httpConnectionBytes = 32 << 10
    /// Head of a request.
    public static let httpHeadBytes = 16 << 10
    public static let httpHeaders = 100
    public static let httpLineBytes = 8 << 10
    /// Body of a request; an append to a log may be larger, as large as one batch of a client.
    public static let httpBodyBytes = 1 << 20
    public static let httpAppendBytes = 16 << 20
    /// From the connection to the end of the first head; from the first line of a later one to its end.
    public static let httpHead = TimeSpan.seconds(10)
    /// A connection between two requests, however slowly it trickles. As long as Kafka's brokers wait: the pools of
    /// clients let go of a connection sooner, so that no request meets a connection that is just being closed.
    public static let httpIdle = TimeSpan.seconds(600)
    /// After this long a body must have come at `httpLeastRate` on average.
    public static let httpBodyGrace = TimeSpan.seconds(10)
    /// A client that takes nothing of an answer for so long is closed; after so long it must have taken
    /// `httpLeastRate` on average.
    public static let httpWriteStall = TimeSpan.seconds(30)
    /// Bytes a second, of bodies and answers.
    public static let httpLeastRate = 500
    /// From the end of the request to the answer.
    public static let httpAnswer = TimeSpan.seconds(30)
    /// Requests that wait for an asynchronous answer.
    public static let httpInFlight = 1_000
    /// Bytes of all answers that wait for their clients; one more is refused. Answers of `httpSmallAnswer` and less do
    /// not count: the kernel takes them at once.
    public static let httpAnswerBytes = 64 << 20
    public static let httpSmallAnswer = 16 << 10
    /// Bytes of the records of one answer, after which it says where to go on.
    public static let recordBytesPerAnswer = 4 << 20
    /// Bytes that wait for one client of a stream: what a client that stops reading costs.
    public static let streamBytes = 256 << 10
    /// A client that takes nothing for so long is closed.
    public static let streamStall = httpWriteStall
    /// A stream without data says so this often: dead peers are found within it.
    public static let streamHeartbeat = TimeSpan.seconds(5)
    /// How often slow connections are looked for.
    public static let httpSweep = TimeSpan.seconds(1)
    /// Wrong tokens from one address within a minute; more are refused unread.
    public static let tokenGuesses = 10
    public static let tokenGuessPeriod = TimeSpan.seconds(60)
    /// How long a wrong token waits for its answer.
    public static let tokenGuessDelay = TimeSpan.milliseconds(100)
    /// Addresses whose guesses are remembered; the oldest is forgotten.
    public static let tokenGuessers = 10_000
    /// How long open requests may take when the console stops.
    public static let httpStop = TimeSpan.seconds(2)
    /// Bytes of a certificate chain or key as text.
    public static let certificateBytes = 256 << 10
    /// Rows of one answer unless the request says otherwise, and at most.
    public static let rowsPerAnswer = 100
    public static let rowsPerAnswerMost = 10_000
    /// How often the page hears of the node.
    public static let statusEvery = TimeSpan.seconds(1)
    /// Records that one search looks at before it answers with what it found and where to go on.
    public static let recordsPerSearch = 100_000
    /// Idempotency keys remembered.
    public static let idempotencyKeys = 10_000
    /// Conditions of one tap: each is tried on the task's own time.
    static let tapConditions = 8
    /// Rows that one aggregate looks at: a chart of a day in seconds.
    public static let aggregateRows = 100_000
    /// Rows of a page while a follower gets the present rows.
    public static let followPage = 500
    /// Parked keys of one answer at most: all that a task may park.
    static let parkedKeysPerAnswer = 10_000
    /// Records of one answer at most.
    public static let recordsPerAnswerMost = 10_000
    /// Label values of one metric. More are left out, and a comment says how many.
    public static let metricSeries = 2_000
}
