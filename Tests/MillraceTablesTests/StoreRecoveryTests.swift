import Foundation
import MillraceCore
import Testing

@testable import MillraceTables

/// What a store finds when its write-ahead log is not what it was: T22.
@Suite struct StoreRecoveryTests {
    /// Commits 1 … `synced` synced and the rest not, each one row and one state key; gives the directory, closed.
    private func filled(synced: Int, unsynced: Int = 0) throws -> StorePlace {
        let place = try StorePlace()
        let store = try place.open()
        let table = try Numbers.create(in: store)
        for n in 1...synced + unsynced {
            try store.commit(try Numbers.commit(n, store, table), synced: n <= synced)
        }
        store.close()
        return place
    }

    private func logs(_ place: StorePlace) throws -> [String] {
        let rows = place.directory + "/t/rows"
        return try FileManager.default.contentsOfDirectory(atPath: rows).filter { $0.hasSuffix(".log") }.sorted()
            .map { rows + "/" + $0 }
    }

    private func edit(_ path: String, _ body: (inout Data) -> Void) throws {
        var data = try Data(contentsOf: URL(fileURLWithPath: path))
        body(&data)
        try data.write(to: URL(fileURLWithPath: path))
    }

    @Test func anUntouchedLogIsReplayed() throws {
        let place = try filled(synced: 50)
        let store = try place.open()
        #expect(try Numbers.present(in: store) == Array(1...50))
    }

    @Test func aTornTailThatNobodyWasPromisedIsCut() throws {
        let place = try filled(synced: 20, unsynced: 1)
        let log = try #require(try logs(place).last)
        try edit(log) { $0.removeLast(7) }
        let store = try place.open()
        #expect(try Numbers.present(in: store) == Array(1...20))
    }

    @Test func garbageBehindTheLastCommitIsCut() throws {
        let place = try filled(synced: 20)
        let log = try #require(try logs(place).last)
        try edit(log) { $0.append(contentsOf: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) }
        let store = try place.open()
        #expect(try Numbers.present(in: store) == Array(1...20))
    }

    @Test func aCutThatTakesAcknowledgedCommitsIsRefused() throws {
        let place = try filled(synced: 20)
        let log = try #require(try logs(place).last)
        try edit(log) { $0.removeLast(7) }
        let failure = try #require(throws: Failure.self) { try place.open() }
        #expect(failure.code == .corrupt)
        #expect(failure.message.contains(".log"), "\(failure)")
        // Refused again, until somebody decides to go on with what is there.
        #expect(throws: Failure.self) { try place.open() }
        var options = TableStoreOptions()
        options.acceptsLoss = true
        let store = try place.open(options)
        #expect(try Numbers.present(in: store) == Array(1...19))
    }

    @Test(arguments: [0.1, 0.3, 0.5, 0.7, 0.9]) func aFlippedBitInTheMiddleIsRefused(at place: Double) throws {
        let directory = try filled(synced: 40)
        let log = try #require(try logs(directory).last)
        var position = 0
        try edit(log) { data in
            position = Int(Double(data.count) * place)
            data[position] ^= 0x10
        }
        let failure = try #require(throws: Failure.self) { try directory.open() }
        #expect(failure.code == .corrupt)
        #expect(failure.place == log || failure.message.contains(log), "\(failure)")
    }

    @Test func aMissingLogIsRefused() throws {
        let place = try filled(synced: 20)
        for log in try logs(place) { try FileManager.default.removeItem(atPath: log) }
        let failure = try #require(throws: Failure.self) { try place.open() }
        #expect(failure.code == .corrupt)
    }

    @Test func aMissingDirectoryIsRefused() throws {
        let place = try filled(synced: 3)
        try FileManager.default.removeItem(atPath: place.directory + "/t/rows")
        let failure = try #require(throws: Failure.self) { try place.open() }
        #expect(failure.code == .corrupt)
    }

    @Test func theMarkSurvivesTheLossOfOneSlot() throws {
        let place = try filled(synced: 20)
        try edit(place.directory + "/t/mark") { data in
            let newer = data.count > 64 ? 0 : 0
            data[newer + 9] ^= 0xFF
        }
        let store = try place.open()
        #expect(try Numbers.present(in: store) == Array(1...20))
    }

    @Test func twoOwnersAreOneTooMany() throws {
        let place = try StorePlace()
        let store = try place.open()
        let failure = try #require(throws: Failure.self) { try place.open() }
        #expect(failure.code == .inUse)
        store.close()
    }
}

/// Numbered commits whose every part can be recomputed: two rows in different partitions and a state key.
enum Numbers {
    static func create(in store: TableStore) throws -> StoredTable {
        try store.createKeyspace("n")
        return try store.createTable(
            TableSchema.Builder("n", "numbers").partitionKey("p", .int).clustering("n", .int)
                .column("text", .text).column("half", .int).build())
    }

    static func text(_ n: Int) -> String { String(repeating: "<\(n &* 2_654_435_761)>", count: 1 + n % 17) }

    static func commit(_ n: Int, _ store: TableStore, _ table: StoredTable) throws -> Commit {
        var commit = store.begin(ties: n % 2 == 0 ? .byOrder : .byValue)
        let number = Value.int(Int32(n))
        try commit.put(table, key: [.int(Int32(n % 7)), number], [.text(text(n)), .int(Int32(n / 2))])
        // A merge beside the put, and a second partition.
        try commit.update(
            table, key: [.int(100 + Int32(n % 3)), number],
            [Assignment(try table.schema.require("text"), .set(.text(text(n + 1))))])
        commit.setState(Array("last".utf8), Layout.bigEndian(Int64(n)))
        commit.setState(Array("n".utf8) + Layout.bigEndian(Int64(n)), Array(text(n).utf8))
        return commit
    }

    /// The numbers whose commits are there; throws when one is there in part or with a wrong content.
    static func present(in store: TableStore) throws -> [Int] {
        struct Torn: Error { var number: Int, parts: [String] }
        let table = try store.require("n", "numbers")
        let snapshot = try store.snapshot()
        var parts: [Int: [String]] = [:]
        var cursor = try snapshot.rows(table)
        while let row = try cursor.next() {
            guard case .int(let p) = row.key[0], case .int(let n) = row.key[1] else { continue }
            let wanted = p >= 100 ? text(Int(n) + 1) : text(Int(n))
            parts[Int(n), default: []].append(row["text"] == .text(wanted) ? "row" : "wrong row")
        }
        try snapshot.states(from: Array("n".utf8)) { key, value in
            let n = Int(Int64(bigEndian: key.loadUnaligned(fromByteOffset: 1, as: Int64.self)))
            parts[n, default: []].append(Array(value) == Array(text(n).utf8) ? "state" : "wrong state")
            return true
        }
        for (n, found) in parts where found.sorted() != ["row", "row", "state"] { throw Torn(number: n, parts: found) }
        let last = try snapshot.state(Array("last".utf8)).map { bytes in
            Int(bytes.withUnsafeBytes { Int64(bigEndian: $0.loadUnaligned(as: Int64.self)) })
        }
        let numbers = parts.keys.sorted()
        if last ?? 0 != numbers.last ?? 0 { throw Torn(number: last ?? 0, parts: ["last"]) }
        return numbers
    }
}
