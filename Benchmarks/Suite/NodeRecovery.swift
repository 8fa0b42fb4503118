import Millrace
import MillraceCore
import MillraceLog

extension NodeFigures {
    /// Makes a node with as many live panes as keys, and ends this process the hard way once all are committed.
    static func fill(_ directory: String, keys: Int) async throws {
        let node = try start(Topology([ticks.feeds(OpenWindows()).into(Table("open"))]), directory)
        guard let topic = node.log.topic("ticks") else { return }
        try await fill(topic, records: keys, keys: keys, clock: node.clock)
        async let running: Void = node.run()
        // All is read and committed, three looks in a row: between two of them a batch may be on its way through the
        // shuffle.
        var quiet = 0
        while quiet < 3 {
            try await node.clock.sleep(for: .milliseconds(100))
            let isStill = node.status().pipelines[0].tasks.allSatisfy {
                $0.lagRecords == 0 && $0.commits > 0 && $0.isSettled
            }
            quiet = isStill ? quiet + 1 : 0
        }
        Terminal.out(
            "filled \(keys) panes, \(node.status().pipelines[0].tasks.reduce(0) { $0 + $1.stateBytes }) bytes\n")
        HostProcess.system.exit(0)
        try await running
    }

    /// From the start of the node on what `fill` left to the first new commit of every task.
    static func resume(_ directory: String) async throws {
        let clock = SystemClock()
        let begin = clock.now
        let node = try start(Topology([ticks.feeds(OpenWindows()).into(Table("open"))]), directory)
        let opened = clock.now
        guard let topic = node.log.topic("ticks") else { return }
        async let running: Void = node.run()
        try await append(4_000, from: 0, keys: 4_000, to: topic, clock: clock)
        while !node.status().pipelines[0].tasks.allSatisfy({ $0.state == .running && $0.lastCommitWasOurs }) {
            try await clock.sleep(for: .milliseconds(1))
        }
        let done = clock.now
        Terminal.out(
            "resume opened in \((opened - begin).seconds) s, first commits after \((done - begin).seconds) s\n")
        node.stop()
        try await running
        await node.close()
    }
}

extension TaskStatus {
    /// A commit of this process: one whose duration it measured.
    fileprivate var lastCommitWasOurs: Bool { commitDuration > .zero }
}
