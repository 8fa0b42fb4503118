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

    /// Looks at the log without owning it, so that a node or another verb may go on writing meanwhile.
    static func look(_ invocation: Invocation, _ body: (OpenLog) throws -> Void) throws {
        let (storage, clock) = (PosixStorage(), SystemClock())
        let directory = try directoryToLookAt(invocation, storage: storage)
        let store = try LogStore.look(at: directory, storage: storage, clock: clock)
        for event in store.recovery.events where event.kind == .refused || event.kind == .metadataRebuilt {
            invocation.terminal.note("\(event)")
        }
        try body(OpenLog(store: store, clock: clock))
    }

    /// The data directory without its lock: for verbs that change nothing.
    static func directoryToLookAt(_ invocation: Invocation, storage: PosixStorage) throws(Failure) -> String {
        try requireMark(invocation.dataDirectory, storage)
        return invocation.dataDirectory + "/log"
    }

    private static func requireMark(_ path: String, _ storage: PosixStorage) throws(Failure) {
        let mark: FileStatus?
        do throws(IOFault) { mark = try storage.status(of: path + "/format") } catch {
            throw Failure(error, "the data directory cannot be looked at", place: path)
        }
        guard mark != nil else {
            throw Failure(
                .notFound, "there is no data directory at '\(path)'",
                advice: "Make one with 'millrace log create' or 'table create', or name another with --data DIR")
        }
    }

    /// The data directory under its lock.
    static func directory(
        _ invocation: Invocation, storage: PosixStorage, creating: Bool
    ) throws -> DataDirectory {
        let path = invocation.dataDirectory
        if !creating { try requireMark(path, storage) }
        do throws(Failure) { return try DataDirectory(path, storage: storage) } catch {
            guard error.code == .inUse else { throw error }
            throw Failure(
                .inUse, "another process owns the data directory",
                advice: "list, describe, read, tail, offsets, verify and dump work beside it. To change something: "
                    + "a node takes records on its console (POST /logs/TOPIC), or stop it; another verb is soon done",
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
