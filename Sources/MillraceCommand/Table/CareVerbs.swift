import MillraceCore
import MillraceEngine
import MillraceTables

let snapshotVerb = Verb(
    name: "snapshot", summary: "keep a consistent copy of all tables",
    about: """
        A copy of everything committed, in a new directory. Files are hard links where the volume allows, so it costs
        little at first. It can be opened for reading by a program, and restored.
        """,
    arguments: [.init(name: "DIRECTORY", help: "where to; must not exist")],
    action: .blocking { invocation in
        try OpenTables.with(invocation) { tables in
            let path = invocation.required(0)
            let started = tables.clock.now
            try tables.store.snapshot(into: path)
            let took = tables.clock.now - started
            Said(
                "kept \(tables.store.tables.count) tables in \(path) in \(Human.text(span: took))",
                [("path", .text(path)), ("tables", .count(tables.store.tables.count)), ("seconds", .span(took))]
            ).print(to: invocation.terminal)
        }
    })

let restoreVerb = Verb(
    name: "restore", summary: "make the tables from a snapshot",
    about: """
        Checks the snapshot, then copies it into the data directory, which must not have tables yet. The snapshot
        stays as it is.
        """,
    arguments: [.init(name: "DIRECTORY", help: "a snapshot")],
    examples: [.init("millrace --data new table restore /backup/monday", "a new data directory with old tables")],
    action: .blocking { invocation in
        let storage = PosixStorage()
        let clock = SystemClock()
        let path = invocation.required(0)
        do throws(IOFault) {
            guard try storage.status(of: path + "/rows") != nil else {
                throw IOFault(.open, path: path, errno: IOFault.noSuchFile)
            }
        } catch {
            throw Failure(.notFound, "there is no snapshot at '\(path)'", advice: "Check the path", cause: error)
        }
        let directory = try OpenLog.directory(invocation, storage: storage, creating: true)
        defer { directory.close() }
        let started = clock.now
        try TableStore.restore(snapshot: path, to: directory.tables, clock: clock, storage: storage)
        let store = try TableStore.open(directory: directory.tables, clock: clock, storage: storage)
        defer { store.close() }
        let took = clock.now - started
        Said(
            "restored \(store.tables.count) tables from \(path) in \(Human.text(span: took))",
            [("path", .text(path)), ("tables", .count(store.tables.count)), ("seconds", .span(took))]
        ).print(to: invocation.terminal)
    })

let verifyTablesVerb = Verb(
    name: "verify", summary: "read everything and check every block",
    about: "Checks the checksum of every block and that every row can be read. Changes nothing.",
    examples: [.init("millrace table verify || echo damaged", "exit code 3 tells damage")],
    action: .blocking { invocation in
        try OpenTables.with(invocation) { tables in
            let progress = Progress("verifying", unit: .records, invocation.terminal, clock: tables.clock)
            var told = 0
            let result = try tables.store.verify { count in
                progress.advance(by: Int64(count - told))
                told = count
                return true
            }
            let took = progress.finish()
            Said(
                "all is well: \(Human.text(count: Int64(result.entries))) entries, "
                    + "\(Human.text(bytes: Int64(result.bytes))) in \(Human.text(span: took))",
                [("entries", .count(result.entries)), ("bytes", .bytes(result.bytes)), ("seconds", .span(took))]
            ).print(to: invocation.terminal)
        }
    })
