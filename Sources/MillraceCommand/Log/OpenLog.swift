import MillraceCore
import MillraceEngine
import MillraceLog

/// The log of the data directory, opened for one verb.
struct OpenLog {
    let store: LogStore
    let clock: any RuntimeClock

    /// Opens the log, runs `body`, and closes it cleanly whatever happened.
    ///
    /// - Parameter creating: makes the data directory when it is missing; a verb that only looks does not.
    static func with(_ invocation: Invocation, creating: Bool = false, _ body: (OpenLog) throws -> Void) throws {
        let storage = PosixStorage()
        let clock = SystemClock()
        let directory = try directory(invocation, storage: storage, creating: creating)
        defer { directory.close() }
        let store = try LogStore.open(directory: directory.log, storage: storage, clock: clock)
        tell(store.recovery, invocation.terminal)
        do {
            try body(OpenLog(store: store, clock: clock))
        } catch {
            // The verb's own failure says more than that of a close after it.
            do throws(Failure) { try store.close() } catch { invocation.terminal.note("\(error)") }
            throw error
        }
        try store.close()
    }

    /// The data directory under its lock.
    static func directory(
        _ invocation: Invocation, storage: PosixStorage, creating: Bool
    ) throws -> DataDirectory {
        let path = invocation.dataDirectory
        if !creating {
            let mark: FileStatus?
            do throws(IOFault) { mark = try storage.status(of: path + "/format") } catch {
                throw Failure(error, "the data directory cannot be looked at", place: path)
            }
            guard mark != nil else {
                throw Failure(
                    .notFound, "there is no data directory at '\(path)'",
                    advice: "Make one with 'millrace log create TOPIC', or name another with --data DIR")
            }
        }
        do throws(Failure) { return try DataDirectory(path, storage: storage) } catch {
            guard error.code == .inUse else { throw error }
            throw Failure(
                .inUse, "another process owns the data directory",
                advice: "A node: ask it on its console, or stop it. Another verb: wait until it is done",
                place: path)
        }
    }

    /// The topic of a name; what is missing names its nearest neighbour.
    func topic(_ name: String) throws(Failure) -> Topic {
        if let topic = store.topic(name) { return topic }
        let near = Spelling.nearest(to: name, in: store.topics.map(\.name))
        throw Failure(
            .notFound, "there is no topic '\(name)'",
            advice: near.map { "Did you mean '\($0)'?" } ?? "Make it with 'millrace log create \(name)'")
    }
    /// The partitions that --partition names, or all.
    func partitions(of topic: Topic, _ invocation: Invocation) throws(Failure) -> [Partition] {
        let all = topic.partitions
        guard !invocation.values("partition").isEmpty else { return all }
        var chosen: [Partition] = []
        for text in invocation.values("partition") {
            guard let index = Int(text), all.indices.contains(index) else {
                throw Failure(
                    .notFound, "the topic '\(topic.name)' has no partition '\(text)'",
                    advice: "It has 0 to \(all.count - 1)")
            }
            chosen.append(all[index])
        }
        return chosen
    }

    private static func tell(_ recovery: RecoveryReport, _ terminal: Terminal) {
        for event in recovery.events { terminal.note("recovery: \(event)") }
    }
}
