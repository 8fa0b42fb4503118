import Millrace
import MillraceCore
import MillraceLog

extension NodeFigures {
    /// Records a second through a keyed window into a table, from a log that is full already.
    static func load(_ directory: String, records: Int, commit: Int) async throws {
        let node = try start(Topology([ticks.feeds(OpenWindows()).into(Table("open"))]), directory, commit: commit)
        guard let topic = node.log.topic("ticks") else { return }
        try await fill(topic, records: records, keys: 10_000, clock: node.clock)
        let begin = (node.clock.now, cpu: node.status().cpuSeconds)
        async let running: Void = node.run()
        while node.status().pipelines[0].stages[0].tasks.reduce(0, { $0 + $1.position }) < Int64(records) {
            try await node.clock.sleep(for: .milliseconds(2))
        }
        let wall = (node.clock.now - begin.0).seconds
        let status = node.status()
        let commits = status.pipelines[0].tasks.reduce(0) { $0 + $1.commits }
        Terminal.out(
            "load \(records) records in \(wall) s, \(status.cpuSeconds - begin.cpu) CPU-s, \(commits) commits, "
                + (commit == 0 ? "none by time\n" : "every \(commit) ms\n"))
        node.stop()
        try await running
        await node.close()
    }
}
