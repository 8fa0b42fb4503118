import Foundation
import MillraceCore
import Testing

@testable import MillraceTables

/// The store end to end on a real directory: write, read, reopen.
@Suite struct StoreBasicsTests {
    @Test func aRowIsThereAfterReopening() throws {
        let place = try StorePlace()
        let schema = try TableSchema.Builder("site", "views")
            .partitionKey("page", .text).clustering("at", .timestamp, .descending)
            .column("count", .bigint).column("who", .set(.text, frozen: false)).build()
        do {
            let store = try place.open()
            try store.createKeyspace("site")
            let table = try store.createTable(schema)
            var commit = store.begin()
            try commit.put(table, key: [.text("/"), .timestamp(10)], [.bigint(7), .set([.text("b"), .text("a")])])
            commit.setState(Array("offset".utf8), [1, 2, 3])
            commit.setProvenance([9])
            let id = try store.commit(commit)
            #expect(try store.provenance(of: id) == [9])
            store.close()
        }
        let store = try place.open()
        let table = try store.require("site", "views")
        let row = try #require(try store.row(table, key: [.text("/"), .timestamp(10)]))
        #expect(row["count"] == .bigint(7))
        #expect(row["who"] == .set([.text("a"), .text("b")]))
        #expect(row["page"] == .text("/"))
        #expect(try store.state(Array("offset".utf8)) == [1, 2, 3])
        #expect(try store.row(table, key: [.text("/"), .timestamp(11)]) == nil)
    }

    @Test func slicesRunBothWaysWithBounds() throws {
        let place = try StorePlace()
        let store = try place.open()
        try store.createKeyspace("k")
        let table = try store.createTable(
            TableSchema.Builder("k", "t").partitionKey("p", .int).clustering("c", .int).staticColumn("s", .text)
                .column("v", .text).build())
        var commit = store.begin()
        for p in 0..<5 {
            for c in 0..<20 { try commit.put(table, key: [.int(Int32(p)), .int(Int32(c))], [.text("\(p).\(c)")]) }
            try commit.update(
                static: table, partition: [.int(Int32(p))],
                [Assignment(table.schema.require("s"), .set(.text("s\(p)")))])
        }
        try store.commit(commit)
        let range = ClusteringRange(
            from: .init([.int(3)], inclusive: false), to: .init([.int(7)], inclusive: true))
        let snapshot = try store.snapshot()
        func clusterings(_ query: RowQuery) throws -> [Int32] {
            var cursor = try snapshot.rows(table, query)
            var found: [Int32] = []
            while let row = try cursor.next() {
                #expect(row["s"] != nil)
                if case .int(let c) = row.key[1] { found.append(c) }
            }
            return found
        }
        #expect(try clusterings(.partition([.int(2)], range)) == [4, 5, 6, 7])
        #expect(try clusterings(.partition([.int(2)], range, order: .reversed)) == [7, 6, 5, 4])
        #expect(try clusterings(.partition([.int(2)], range, limit: 2)) == [4, 5])
        #expect(try clusterings(RowQuery(.all, range)).count == 20)
        #expect(try clusterings(RowQuery(.all, perPartitionLimit: 3)).count == 15)
        var state: PagingState?
        var seen = 0
        repeat {
            let page = try snapshot.page(table, size: 7, after: state)
            seen += page.rows.count
            state = page.next
        } while state != nil
        #expect(seen == 100)
    }

    @Test func deletionsHideAndUpdatesMerge() throws {
        let place = try StorePlace()
        let store = try place.open()
        try store.createKeyspace("k")
        for grace in [TimeSpan.zero, .days(10)] {
            let name = grace == .zero ? "quick" : "careful"
            let table = try store.createTable(
                TableSchema.Builder("k", name).partitionKey("p", .int).clustering("c", .int)
                    .column("a", .int).column("b", .int).build(), tombstoneGrace: grace)
            let a = try table.schema.require("a"), b = try table.schema.require("b")
            func key(_ c: Int32) -> [Value] { [.int(1), .int(c)] }
            func write(_ body: (inout Commit) throws -> Void) throws {
                var commit = store.begin()
                try body(&commit)
                try store.commit(commit)
            }
            try write { commit in
                for c in 0..<10 { try commit.put(table, key: key(Int32(c)), [.int(1), .int(2)]) }
            }
            try write { try $0.update(table, key: key(0), [Assignment(b, .set(.int(9)))]) }
            #expect(try store.row(table, key: key(0))?["a"] == .int(1))
            #expect(try store.row(table, key: key(0))?["b"] == .int(9))
            try write { try $0.delete([a], from: table, key: key(0)) }
            #expect(try store.row(table, key: key(0))?["a"] == nil)
            try write { try $0.delete(from: table, key: key(1)) }
            #expect(try store.row(table, key: key(1)) == nil)
            try write {
                try $0.delete(
                    ClusteringRange(from: .init([.int(5)], inclusive: true)), ofPartition: [.int(1)], from: table)
            }
            #expect(try store.row(table, key: key(5)) == nil)
            #expect(try store.row(table, key: key(4)) != nil)
            // An update without a marker lives by its cells.
            try write { try $0.update(table, key: key(7), [Assignment(a, .set(.int(3)))]) }
            #expect(try store.row(table, key: key(7))?["a"] == .int(3))
            try write { try $0.delete([a], from: table, key: key(7)) }
            #expect(try store.row(table, key: key(7)) == nil)
            try write { try $0.delete(partition: [.int(1)], from: table) }
            var cursor = try store.snapshot().rows(table)
            #expect(try cursor.next() == nil)
            try write { try $0.put(table, key: key(1), [.int(5), nil]) }
            #expect(try store.row(table, key: key(1))?["a"] == .int(5))
        }
    }
}

/// A directory for one test, removed at its end.
final class StorePlace {
    let directory: String
    let clock: any RuntimeClock
    /// - Parameter inMemory: on a file system in memory where there is one: for tests that sync often and prove nothing
    ///   about the disk.
    init(clock: any RuntimeClock = SystemClock(), inMemory: Bool = false) throws {
        let memory = "/dev/shm"
        let parent =
            inMemory && FileManager.default.isWritableFile(atPath: memory)
            ? memory : FileManager.default.temporaryDirectory.path
        directory = parent + "/millrace-tables-" + UUID().uuidString
        self.clock = clock
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: directory) }

    func open(_ options: TableStoreOptions = TableStoreOptions()) throws -> TableStore {
        try TableStore.open(directory: directory + "/t", options: options, clock: clock)
    }
}
