import Foundation
import MillraceCore
import MillraceLog
import MillraceTables
import Testing

@testable import MillraceConsole
@testable import MillraceEngine

/// A console over real stores in a directory of its own, with an inspector whose answers the test decides.
final class ConsoleFixture: Sendable {
    final class Inspector: NodeInspector {
        let calls = Lock<[String]>([])
        private func note(_ call: String) { calls.withLock { $0.append(call) } }

        private let asked = Lock<Int64>(0)

        func status() async -> NodeStatus {
            let asked = asked.withLock { asked in
                asked += 1
                return asked
            }
            let task = TaskStatus(
                stage: 0, partition: 3, lane: 1, state: .running, position: 90, end: 100, lag: .milliseconds(1_500),
                watermark: .seconds(1_700_000_000), watermarkHolder: "partition 2 since 12 s",
                recordsIn: 90 + asked * 10,
                recordsOut: 45, lateRecords: 2, badRecords: 1, busy: 0.25, idle: 0.5, blocked: 0.25,
                commitAge: .milliseconds(20), commitDuration: .milliseconds(3), commits: 7, stateBytes: 4_096,
                restarts: 1, lastFailure: "io: <b>\"x\"</b>")
            let pipeline = PipelineStatus(
                name: "PageViews", state: .running, failure: nil,
                stages: [StageStatus(index: 0, title: "events → count", inputs: ["clicks"], tasks: [task])],
                outputs: ["views"], deadLetters: 1, parkedKeys: 2)
            return NodeStatus(
                startedAt: .seconds(1_699_999_000), uptime: .seconds(1_000), dataDirectory: "/data", cpuSeconds: 12.5,
                residentBytes: 30 << 20, pipelines: [pipeline], complaint: nil)
        }
        private func known(_ pipeline: String) throws(Failure) {
            guard pipeline == "PageViews" else { throw PipelinesAPI.missing(pipeline) }
        }
        func plan(of pipeline: String) async throws(Failure) -> String {
            try known(pipeline)
            return "plan of \(pipeline)"
        }
        func why(pipeline: String) async throws(Failure) -> String {
            try known(pipeline)
            return "because"
        }
        func explain(table: String, key: [String]) async throws(Failure) -> String { "\(table) \(key)" }
        func parkedKeys(of pipeline: String, limit: Int) async throws(Failure) -> [ParkedKey] {
            try known(pipeline)
            return [ParkedKey(stage: 0, partition: 3, input: "clicks", key: Array("/home".utf8))]
        }
        func pause(pipeline: String) async throws(Failure) {
            try known(pipeline)
            note("pause")
        }
        func resume(pipeline: String) async throws(Failure) {
            try known(pipeline)
            note("resume")
        }
        /// The tap that was put on last: tests decide what passes it.
        let tapped = Lock<EdgeTap?>(nil)
        func tap(_ tap: EdgeTap, pipeline: String) async throws(Failure) {
            try known(pipeline)
            tapped.withLock { $0 = tap }
        }
        func deadLetters(of pipeline: String, limit: Int) async throws(Failure) -> [DeadLetter] {
            try known(pipeline)
            return [
                DeadLetter(
                    partition: 0, offset: 4, pipeline: pipeline, release: "r", sourceTopic: "clicks",
                    sourcePartition: 1,
                    sourceOffset: 17, key: Array("k".utf8), value: [0xFF, 0], error: "boom", attempts: 3,
                    at: .seconds(5))
            ]
        }
        func redrive(pipeline: String, limit: Int) async throws(Failure) -> Int {
            try known(pipeline)
            note("redrive \(limit)")
            return 1
        }
        var configuration: String { "" }
    }

    let url: URL
    let clock = SystemClock()
    let inspector = Inspector()
    let log: LogStore
    let tables: TableStore
    let views: StoredTable
    let server: ConsoleServer
    let port: Int
    static let token = String(repeating: "ab12", count: 16)

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("console-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        log = try LogStore.open(directory: url.path + "/log", storage: PosixStorage(), clock: clock)
        tables = try TableStore.open(directory: url.path + "/tables", clock: clock)
        try log.createTopic("clicks", TopicConfiguration(partitions: 2))
        try tables.createKeyspace("app")
        views = try tables.createTable(
            TableSchema.Builder("app", "views").partitionKey("page", .text).clustering("at", .timestamp)
                .column("count", .bigint).column("note", .text).build())
        let inspector = inspector
        server = try ConsoleServer(
            .init(port: 0), token: Self.token,
            backend: ConsoleBackend(
                status: { await inspector.status() }, inspector: inspector, log: log, tables: tables,
                configuration: "lanes = 2", build: "cafe"), clock: clock)
        port = try server.start()
    }

    func client() -> RawClient { RawClient(port: port) }
    static let authorized = "Authorization: Bearer \(token)\r\n"

    /// Rows at whole minutes.
    func put(_ page: String, minute: Int64, count: Int64, note: String? = nil) throws {
        var commit = tables.begin()
        try commit.put(
            views, key: [.text(page), .timestamp(minute * 60_000)], [.bigint(count), note.map { .text($0) }])
        try tables.commit(commit)
    }

    /// A console over the log as a new process would open it; the first one is over then.
    func restarted(_ body: (_ port: Int) async throws -> Void) async throws {
        await server.stop()
        try log.close()
        let log = try LogStore.open(directory: url.path + "/log", storage: PosixStorage(), clock: clock)
        let inspector = inspector
        let server = try ConsoleServer(
            .init(port: 0), token: Self.token, backend: ConsoleBackend(status: { await inspector.status() }, log: log),
            clock: clock)
        let port = try server.start()
        var failure: (any Error)?
        do { try await body(port) } catch { failure = error }
        await server.stop()
        try log.close()
        if let failure { throw failure }
    }

    static func with(_ body: (ConsoleFixture) async throws -> Void) async throws {
        let fixture = try ConsoleFixture()
        var failure: (any Error)?
        do { try await body(fixture) } catch { failure = error }
        await fixture.server.stop()
        try fixture.log.close()
        fixture.tables.close()
        try? FileManager.default.removeItem(at: fixture.url)
        if let failure { throw failure }
    }
}
