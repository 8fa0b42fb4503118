internal import MillraceCore
public import MillraceEngine
public import MillraceLog
internal import MillraceRuntime
public import MillraceTables

/// What the API stands on. Any part may be missing: a node without pipelines, a test without a log.
public struct ConsoleBackend: Sendable {
    public var status: @Sendable () async -> NodeStatus
    public var inspector: (any NodeInspector)?
    public var log: LogStore?
    public var tables: TableStore?
    /// As printed, with secrets hidden.
    public var configuration: String
    public var build: String

    public init(
        status: @escaping @Sendable () async -> NodeStatus, inspector: (any NodeInspector)? = nil, log: LogStore? = nil,
        tables: TableStore? = nil, configuration: String = "", build: String = ""
    ) {
        (self.status, self.inspector, self.log, self.tables) = (status, inspector, log, tables)
        (self.configuration, self.build) = (configuration, build)
    }
}

/// What all handlers share.
final class APIContext: Sendable {
    let backend: ConsoleBackend
    let clock: any RuntimeClock
    /// For reads of streams: they block on disks, and the server's threads are for those who wait shortly.
    let blocking = BlockingExecutor(name: "console", threads: 4)
    /// For followers' present rows, which may be a whole table: one page of one follower after the other, so that many
    /// who ask for much do not hold up those who only wait for changes.
    let scans = BlockingExecutor(name: "scan", threads: 1)
    let appends = RecentAppends()
    let executor: WebExecutor
    let streams = Gauge()
    /// Rotates over partitions for records without a key.
    let turn = Counter()

    init(_ backend: ConsoleBackend, clock: any RuntimeClock) {
        (self.backend, self.clock) = (backend, clock)
        executor = WebExecutor(clock: clock)
    }

    /// Ends the threads. The streams are closed by now; what still runs has until the deadline.
    func stop() async {
        let deadline = clock.now + Limits.httpStop
        _ = await blocking.stop(by: deadline, clock: clock)
        _ = await scans.stop(by: deadline, clock: clock)
        await executor.stop(by: deadline)
    }

    /// What is wrong with the node: its own complaint, or a partition that refuses service.
    func complaint(_ status: NodeStatus) -> String? {
        if let complaint = status.complaint { return complaint }
        for topic in backend.log?.topics ?? [] {
            for partition in topic.partitions {
                if let fault = partition.fault {
                    return "the log's partition \(topic.name)/\(partition.index) is out of service: \(fault.message)"
                }
            }
        }
        return nil
    }

    func needTables() throws(Failure) -> TableStore {
        guard let tables = backend.tables else { throw Failure(.notFound, "this node keeps no tables") }
        return tables
    }

    func needLog() throws(Failure) -> LogStore {
        guard let log = backend.log else { throw Failure(.notFound, "this node keeps no logs") }
        return log
    }

    func needInspector() throws(Failure) -> any NodeInspector {
        guard let inspector = backend.inspector else {
            throw Failure(.unsupported, "this node does not answer that yet", advice: "Use its command line")
        }
        return inspector
    }
}

extension Failure.Code {
    static let unsupported = Failure.Code("unsupported")
}

extension Answer {
    /// On the server's own thread; failures become answers.
    static func trying(_ body: () throws(Failure) -> Response) -> Answer {
        do throws(Failure) { return .now(try body()) } catch { return .now(.failure(error)) }
    }

    /// On a thread for reads that may take long, so that the server's own go on with what others wait for.
    static func blocking(
        _ api: APIContext, _ body: @escaping @Sendable () throws(Failure) -> Response
    ) -> Answer {
        .waiting { () throws(Failure) in try await api.blocking.run(body) }
    }

    static func waiting(_ body: @escaping @Sendable () async throws(Failure) -> Response) -> Answer {
        .later {
            do throws(Failure) { return try await body() } catch { return .failure(error) }
        }
    }
}
