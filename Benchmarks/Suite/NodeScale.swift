import Millrace
import MillraceCore
import MillraceLog

extension NodeFigures {
    /// Records a second through one pipeline with one size changed: partitions, keys, bytes of a record, memory for
    /// state. Ends when the last stage has taken everything.
    static func scale(
        _ directory: String, records: Int, partitions: Int, keys: Int, bytes: Int, budget: Int
    ) async throws {
        let log = Log<Tick>("ticks", partitions: partitions).keeping()
        let node = try start(
            Topology([log.feeds(OpenWindows()).into(Table("open"))]), directory, budget: budget, idle: .hours(1))
        guard let topic = node.log.topic("ticks") else { return }
        try await fill(topic, records: records, keys: keys, bytes: bytes, clock: node.clock)
        let begin = (node.clock.now, cpu: node.status().cpuSeconds)
        async let running: Void = node.run()
        var (end, resident, state): (MonotonicTime?, Int64, Int) = (nil, 0, 0)
        // Nothing is left to read, and still nothing half a second later: between two looks a batch may be on its way
        // through the shuffle.
        while true {
            try await node.clock.sleep(for: .milliseconds(10))
            let (status, now) = (node.status(), node.clock.now)
            let tasks = status.pipelines[0].tasks
            resident = max(resident, status.residentBytes)
            state = max(state, tasks.reduce(0) { $0 + $1.stateBytes })
            let isRead = tasks.prefix(partitions).reduce(0) { $0 + $1.position } >= Int64(records)
            end = isRead && tasks.allSatisfy { $0.lagRecords == 0 } ? end ?? now : nil
            if let end, now - end > .milliseconds(500) { break }
        }
        let (wall, cpu) = (((end ?? node.clock.now) - begin.0).seconds, node.status().cpuSeconds - begin.cpu)
        Terminal.out(
            "scale \(records) records of \(bytes) bytes, \(partitions) partitions, \(keys) keys, "
                + "\(budget >> 20) MiB for state: \(Int(Double(records) / wall)) records/s, "
                + "\(Int(Double(records) / cpu)) per CPU-second, \(resident >> 20) MiB resident, "
                + "\(state >> 20) MiB of state\n")
        node.stop()
        try await running
        await node.close()
    }
}
