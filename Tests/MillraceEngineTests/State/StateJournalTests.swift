import Foundation
import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

@testable import MillraceEngine

/// A journal between a task and a store, against a dictionary.
@Suite struct StateJournalTests {
    static let seeds = 100 * (Int(ProcessInfo.processInfo.environment["MILLRACE_SCALE"] ?? "") ?? 1)
    static let only = ProcessInfo.processInfo.environment["MILLRACE_SEED"].flatMap { UInt64($0) }
    typealias Entries = [[UInt8]: [UInt8]]

    @Test func readsAsOneMapAcrossCommitsCrashesAndStarts() throws {
        for seed in Self.only.map({ [$0] }) ?? Array(1...UInt64(Self.seeds)) {
            var run = try Run(SeededRandom(seed: seed))
            for step in 0..<60 { try run.step("MILLRACE_SEED=\(seed), step \(step)") }
        }
    }

    @Test func whatChangesWithEveryCommitIsNeverWrittenByItself() throws {
        let fixture = Fixture()
        let journal = try fixture.journal(limit: 1_000)
        for commit in 0..<200 {
            var delta = StateDelta()
            for key in 0..<10 as Range<UInt8> {
                delta.put(isFresh: commit == 0, key: { $0.byte(key) }, value: { $0.integer(commit) })
            }
            try fixture.commit(journal.take(delta))
            journal.settled()
        }
        #expect(fixture.stored.isEmpty)
        #expect(fixture.blocks.count < 10)
        let again = try fixture.journal(limit: 1_000)
        #expect(try Fixture.read(again, [3]) == withUnsafeBytes(of: 199.bigEndian) { Array($0) })
    }

    @Test func whatComesAndGoesWithinTheJournalLeavesNoTrace() throws {
        let fixture = Fixture()
        let journal = try fixture.journal(limit: 200)
        for commit in 0..<100 as Range<UInt8> {
            var delta = StateDelta()
            delta.put(isFresh: true, key: { $0.byte(commit) }, value: { $0.byte(1) })
            if commit >= 3 { delta.remove { $0.byte(commit - 3) } }
            let change = journal.take(delta)
            #expect(change.entries.isEmpty)
            try fixture.commit(change)
            journal.settled()
        }
        #expect(fixture.stored.isEmpty)
    }

    @Test func noCommitWritesMuchMoreThanCame() throws {
        let fixture = Fixture()
        let journal = try fixture.journal(limit: 4_000)
        for commit in 0..<100 {
            var delta = StateDelta()
            for key in 0..<20 { delta.put(key: { $0.integer(commit * 20 + key) }, value: { $0.byte(0) }) }
            let change = journal.take(delta)
            #expect(change.entries.count <= 40)
            try fixture.commit(change)
            journal.settled()
        }
        #expect(fixture.stored.count > 1_500)
    }

    @Test func blocksThatAreMissingOrDamagedAreRefused() throws {
        let fixture = Fixture()
        let journal = try fixture.journal(limit: 1_000)
        for key in 0..<3 as Range<UInt8> {
            var delta = StateDelta()
            delta.put(key: { $0.byte(key) }, value: { $0.byte(key) })
            try fixture.commit(journal.take(delta))
            journal.settled()
        }
        let whole = fixture.blocks
        for number in whole.keys {
            fixture.blocks = whole.filter { $0.key != number }
            #expect(throws: Failure.self) { try fixture.journal(limit: 1_000) }
            for length in 0..<(whole[number]?.count ?? 0) where length > 0 {
                fixture.blocks = whole
                fixture.blocks[number]?.removeLast(length)
                // An empty block is a whole one: what is cut off must be missed elsewhere.
                if fixture.blocks[number]?.isEmpty == true { continue }
                #expect(throws: Failure.self) { try fixture.journal(limit: 1_000) }
            }
        }
        fixture.blocks = whole
        #expect(try Fixture.read(fixture.journal(limit: 1_000), [2]) == [2])
    }

    @Test func whatIsScannedAtOnceIsBounded() throws {
        let fixture = Fixture()
        let journal = try fixture.journal(limit: 100)
        var delta = StateDelta()
        // 8 bytes of key and as many of value each: beside them 32 are taken for an entry.
        for key in 0..<10 { delta.put(key: { $0.integer(key) }, value: { $0.integer(key) }) }
        try fixture.commit(journal.take(delta))
        journal.settled()
        #expect(try Fixture.scan(fixture.journal(limit: 100, scanLimit: 480), [], atMost: 99).count == 10)
        let failure = #expect(throws: Failure.self) {
            try Fixture.scan(fixture.journal(limit: 100, scanLimit: 479), [], atMost: 99)
        }
        #expect(failure?.code == .limitReached && failure?.isFatal == true)
        // Who stops earlier needs no more.
        #expect(try Fixture.scan(fixture.journal(limit: 100, scanLimit: 479), [], atMost: 9).count == 9)
    }

    /// A store with one task, and how its commits leave it.
    final class Fixture {
        let world: ModelWorld
        let store: ModelStore
        let task = TaskAddress(pipeline: "p", stage: 0, partition: 0)
        var held: Range<Int64> = 0..<0

        init() {
            world = ModelWorld(SeededRandom(seed: 1))
            world.hasFaults = false
            store = ModelStore(world)
        }
        var stored: Entries { world.states[task]?.entries ?? [:] }
        var blocks: [Int64: [UInt8]] {
            get { world.journals[task] ?? [:] }
            set { world.journals[task] = newValue }
        }

        func journal(limit: Int, scanLimit: Int = .max) throws -> StateJournal {
            try StateJournal(of: task, in: store, holding: held, limit: limit, scanLimit: scanLimit, seed: 5)
        }
        func commit(_ change: StateChange) throws {
            try store.commit(
                TaskCommit(task: task, release: "", mark: TaskMark(), inputs: [], state: change, rows: nil, table: nil))
            held = change.kept
            // What is not in the range the mark names must not be there.
            #expect(Set(blocks.keys) == Set(held))
        }

        static func read(_ journal: StateJournal, _ key: [UInt8]) throws -> [UInt8]? {
            var found: [UInt8]?
            try key.lending { (key) throws(Failure) in try journal.read(key) { found = $0.map { Array($0) } } }
            return found
        }
        static func scan(_ journal: StateJournal, _ prefix: [UInt8], atMost count: Int) throws -> [[UInt8]] {
            var found: [[UInt8]] = []
            try prefix.lending { (prefix) throws(Failure) in
                try journal.scan(prefix: prefix) { key, value in
                    found.append(Array(key) + [0xFF] + Array(value))
                    return found.count < count
                }
            }
            return found
        }
    }

    private struct Run {
        private var random: SeededRandom
        private let fixture = Fixture()
        private let limit: Int
        private var journal: StateJournal
        /// As of everything taken, and as of the last commit.
        private var expected: Entries = [:]
        private var committed: Entries = [:]

        init(_ random: SeededRandom) throws {
            self.random = random
            limit = .random(in: 0...600, using: &self.random)
            journal = try fixture.journal(limit: limit)
        }

        private mutating func key() -> [UInt8] {
            let length = Int.random(in: 0...12, using: &random)
            return [UInt8.random(in: 0..<3, using: &random)] + Array(repeating: 7, count: length)
                + [UInt8.random(in: 0..<4, using: &random)]
        }

        mutating func step(_ place: String) throws {
            var delta = StateDelta()
            for _ in 0..<Int.random(in: 0..<8, using: &random) {
                let key = key()
                if random.chance(1, in: 4) {
                    delta.remove { $0.raw(key) }
                    expected[key] = nil
                } else {
                    let byte = UInt8.random(in: 0..<9, using: &random)
                    let value = Array(repeating: byte, count: .random(in: 0..<40, using: &random))
                    delta.put(
                        isFresh: expected[key] == nil && random.chance(2, in: 3), key: { $0.raw(key) },
                        value: { $0.raw(value) })
                    expected[key] = value
                }
            }
            let change = journal.take(delta)
            // Under way: whatever comes of it, everything taken is readable.
            if random.chance(1, in: 3) { try compare(place + ", under way") }
            if random.chance(1, in: 10) {
                expected = committed
                journal = try fixture.journal(limit: limit)
            } else {
                try fixture.commit(change)
                committed = expected
                journal.settled()
                if random.chance(1, in: 10) { journal = try fixture.journal(limit: limit) }
            }
            try compare(place)
        }

        private mutating func compare(_ place: String) throws {
            for _ in 0..<5 {
                let key = key()
                try #require(try Fixture.read(journal, key) == expected[key], "\(place), key \(key)")
            }
            let prefix = Array([key()[..<1], key()[..<2], []].randomElement(using: &random) ?? [])
            let count = Int.random(in: 1...30, using: &random)
            let all = expected.filter { $0.key.starts(with: prefix) }
                .sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { $0.key + [0xFF] + $0.value }
            try #require(
                try Fixture.scan(journal, prefix, atMost: count) == Array(all.prefix(count)),
                "\(place), prefix \(prefix), \(count) entries")
        }
    }
}
