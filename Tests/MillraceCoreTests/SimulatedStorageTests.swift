import Foundation
import MillraceCore
import Testing

@Suite struct SimulatedStorageTests {
    let storage = SimulatedStorage()

    private func crash(keeping isKept: @escaping (UnsyncedChange) -> Bool) { storage.crash(keeping: isKept) }
    private func durable(_ path: String, _ text: String) throws {
        let file = try storage.open(path, .create)
        try file.write(text, at: 0)
        try file.sync()
        try storage.syncDirectory("/")
    }

    @Test func unsyncedBytesAreReadableAndDieInACrash() throws {
        try durable("a", "one")
        let file = try storage.open("a", .readWrite)
        try file.write("two", at: 0)
        #expect(try storage.text(of: "a") == "two")
        #expect(storage.durableContents(of: "a") == Array("one".utf8))
        crash { _ in false }
        #expect(try storage.text(of: "a") == "one")
        #expect(errnoOf { try file.write("x", at: 0) } == EBADF, "handles are dead after a crash")
    }

    @Test func syncedBytesSurviveWithTheirNameOnlyIfTheDirectoryWasSynced() throws {
        let file = try storage.open("a", .create)
        try file.write("one", at: 0)
        try file.sync()
        let fork = storage.fork()
        fork.crash { _ in false }
        #expect(try fork.list("/") == [])
        try storage.syncDirectory("/")
        crash { _ in false }
        #expect(try storage.text(of: "a") == "one")
    }

    @Test func aDirectorySyncedBeforeTheFileKeepsAnEmptyFile() throws {
        try storage.make("a", "one")
        try storage.syncDirectory("/")
        crash { _ in false }
        #expect(try storage.text(of: "a") == "")
    }

    @Test func writesTearAtSectorsAndLaterOnesCanSurviveEarlierOnes() throws {
        try durable("a", String(repeating: "-", count: 2_048))
        let file = try storage.open("a", .readWrite)
        try file.write(String(repeating: "1", count: 1_024), at: 256)
        try file.write(String(repeating: "2", count: 512), at: 1_024)
        // The first write covers three sectors: 256–511, 512–1023 and 1024–1279.
        var asked: [UnsyncedChange] = []
        crash { change in
            asked.append(change)
            return change == .sector(offset: 512) || (change == .sector(offset: 1_024) && asked.count == 4)
        }
        #expect(
            asked == [
                .sector(offset: 256), .sector(offset: 512), .sector(offset: 1_024), .sector(offset: 1_024),
            ])
        let text = try #require(try storage.text(of: "a"))
        let pieces = [("-", 512), ("1", 512), ("2", 512), ("-", 512)].map { String(repeating: $0.0, count: $0.1) }
        #expect(text == pieces.joined())
    }

    @Test func aFileCanGrowAndLoseItsBytes() throws {
        try durable("a", "")
        try storage.open("a", .readWrite).write("lost", at: 0)
        crash { if case .growth = $0 { true } else { false } }
        #expect(try storage.text(of: "a") == "\0\0\0\0")
    }

    @Test func anEarlierVersionOfASectorMayBeTheOneThatSurvives() throws {
        try durable("a", "base")
        let file = try storage.open("a", .readWrite)
        try file.write("111", at: 0)
        try file.write("222", at: 0)
        var count = 0
        crash { _ in
            count += 1
            return count == 1
        }
        #expect(try storage.text(of: "a") == "111e")
    }

    @Test func truncationsAreLostOrKept() throws {
        for isKept in [false, true] {
            let storage = SimulatedStorage()
            let file = try storage.open("a", .create)
            try file.write("abcdef", at: 0)
            try file.sync()
            try storage.syncDirectory("/")
            try file.truncate(to: 2)
            storage.crash { _ in isKept }
            #expect(try storage.text(of: "a") == (isKept ? "ab" : "abcdef"))
        }
    }

    @Test func aRenameIsKeptOrLostInBothDirectories() throws {
        try storage.makeDirectory("d")
        try durable("a", "one")
        for isKept in [false, true] {
            let fork = storage.fork()
            try fork.rename("a", to: "d/b")
            fork.crash { _ in isKept }
            #expect(try fork.list("/") == (isKept ? ["d"] : ["a", "d"]))
            #expect(try fork.list("d") == (isKept ? ["b"] : []))
        }
        let fork = storage.fork()
        try fork.rename("a", to: "d/b")
        try fork.syncDirectory("d")
        fork.crash { _ in false }
        #expect(try fork.text(of: "d/b") == "one")
        #expect(try fork.list("/") == ["d"])
    }

    @Test func aRenameCanOutliveTheWritesBeforeIt() throws {
        // The classic mistake: temporary file, rename, no sync.
        try durable("a", "old")
        try storage.make("a.tmp", "new")
        try storage.rename("a.tmp", to: "a")
        crash { if case .names(let names) = $0 { names == ["a.tmp", "a"] } else { false } }
        #expect(try storage.text(of: "a") == "")
    }

    @Test func replaceLeavesTheOldOrTheNewContentWholeAtEveryPowerCut() throws {
        try durable("meta", "old")
        var cut = 1
        var outcomes: Set<String> = []
        while true {
            let fork = storage.fork()
            fork.powerOff(atCall: cut)
            do { try fork.replace("meta", with: Array("new!".utf8)) } catch {}
            let isDone = !fork.isOff
            for seed in UInt64(0)..<64 {
                let crashed = fork.fork()
                var random = SeededRandom(seed: seed)
                crashed.crash(using: &random)
                let text = try #require(try crashed.text(of: "meta"))
                #expect(text == "new!" || (!isDone && text == "old"), "power cut at call \(cut), seed \(seed)")
                outcomes.insert(text)
            }
            if isDone { break }
            cut += 1
        }
        #expect(cut > 5, "replace makes several calls, each of which was cut")
        #expect(outcomes == ["old", "new!"])
    }

    @Test func aFailedSyncLosesItsPagesForGood() throws {
        var outcomes: Set<String> = []
        for seed in UInt64(0)..<32 {
            let fork = SimulatedStorage(seed: seed)
            let file = try fork.open("a", .create)
            try file.write("old", at: 0)
            try file.sync()
            try fork.syncDirectory("/")
            try file.write("new", at: 0)
            fork.fail(.sync, with: EIO)
            #expect(errnoOf { try file.sync() } == EIO)
            #expect(try file.text(9, at: 0) == "new", "still in the page cache")
            try file.sync()
            fork.crash { _ in true }
            outcomes.insert(try fork.text(of: "a") ?? "")
        }
        #expect(outcomes == ["old", "new"], "the second sync says yes and writes nothing")
    }

    @Test func theNthCallFailsOnceOrForEver() throws {
        let file = try storage.open("a", .create)
        storage.fail(.write, at: 2, with: ENOSPC)
        #expect((0..<4).map { _ in errnoOf { try file.write("x", at: 0) } } == [0, ENOSPC, 0, 0])
        storage.fail(.write, at: 2, with: EIO, sticky: true)
        #expect((0..<4).map { _ in errnoOf { try file.write("x", at: 0) } } == [0, EIO, EIO, EIO])
        storage.clearFaults()
        try file.write("x", at: 0)
        storage.fail(at: 3, with: EMFILE)
        #expect(errnoOf { try file.write("x", at: 0) } == 0)
        #expect(errnoOf { _ = try file.size() } == 0)
        #expect(errnoOf { _ = try storage.status(of: "a") } == EMFILE)
        storage.fail(.open, with: EACCES, sticky: true) { $0.hasSuffix("b") }
        _ = try storage.open("a", .read)
        #expect(errnoOf { _ = try storage.open("b", .create) } == EACCES)
    }

    @Test func callsAreCountedByKind() throws {
        let file = try storage.open("a", .create)
        try file.write("x", at: 0)
        try file.write("x", at: 0)
        try file.sync()
        #expect(storage.callCount(.write) == 2)
        #expect(storage.callCount(.sync) == 1)
        #expect(storage.callCount(.rename) == 0)
        #expect(storage.callCount() == 4)
    }

    @Test func aShortWriteLeavesAPrefix() throws {
        let file = try storage.open("a", .create)
        storage.shortenWrite(to: 3)
        #expect(errnoOf { try file.write("abcdef", at: 0) } == ENOSPC)
        #expect(try file.text(9, at: 0) == "abc")
        try file.write("abcdef", at: 0)
        #expect(try file.text(9, at: 0) == "abcdef")
    }

    @Test func aFullDiskTakesWhatFits() throws {
        storage.capacity = 10
        let file = try storage.open("a", .create)
        try file.write("12345678", at: 0)
        #expect(try storage.freeBytes(at: "/") == 2)
        #expect(errnoOf { try file.write("abcd", at: 8) } == ENOSPC)
        #expect(try file.text(20, at: 0) == "12345678ab")
        try file.write("ABCD", at: 0)
        #expect(errnoOf { try storage.make("b", "x") } == ENOSPC)
        try storage.unlink("a")
        #expect(errnoOf { try storage.make("b", "x") } == ENOSPC, "an unlinked file takes room while it is open")
        file.close()
        try storage.make("b", "x")
        let other = try storage.open("c", .create)
        #expect(errnoOf { try other.preallocate(10) } == ENOSPC)
        try other.preallocate(9)
        #expect(errnoOf { try storage.make("d", "x") } == ENOSPC)
        try other.write("123456789", at: 0)
        #expect(storage.usedBytes == 10)
    }

    @Test func corruptReadsFlipOneBitAndDamageStays() throws {
        try durable("a", "00000000")
        let file = try storage.open("a", .read)
        storage.corruptRead()
        let bad = try file.text(8, at: 0).utf8
        #expect(zip(bad, "00000000".utf8).map { ($0 ^ $1).nonzeroBitCount }.reduce(0, +) == 1)
        #expect(try file.text(8, at: 0) == "00000000")
        storage.corruptRead(.map)
        #expect(try file.map(offset: 0, length: 8).copy != Array("00000000".utf8))
        #expect(storage.damage("a", at: 3, flipping: 1))
        #expect(!storage.damage("a", at: 8, flipping: 1))
        storage.crash { _ in false }
        #expect(try storage.text(of: "a") == "00010000")
    }

    @Test func powerOffStopsEverythingUntilTheCrash() throws {
        let file = try storage.open("a", .create)
        storage.powerOff(atCall: 2)
        try file.write("x", at: 0)
        #expect(errnoOf { try file.sync() } == EIO)
        #expect(errnoOf { _ = try file.size() } == EIO)
        #expect(errnoOf { _ = try storage.list("/") } == EIO)
        #expect(storage.isOff)
        #expect(storage.unsyncedChanges == 2)
        storage.killProcess()
        #expect(try storage.text(of: "a") == "x", "a killed process loses nothing that it wrote")
        #expect(storage.unsyncedChanges == 2)
    }

    @Test func crashPointsTurnThePowerOff() throws {
        storage.powerOff(atCrashPoint: "roll.renamed", hit: 2)
        storage.crashPoint("roll.renamed")
        storage.crashPoint("other")
        try storage.make("a")
        storage.crashPoint("roll.renamed")
        #expect(errnoOf { try storage.make("b") } == EIO)
        #expect(storage.crashPointHits == ["roll.renamed": 2, "other": 1])
    }

    @Test func aCrashIsRepeatableFromItsSeed() throws {
        func run(_ seed: UInt64) throws -> [String: [UInt8]] {
            let storage = SimulatedStorage(seed: seed)
            var random = SeededRandom(seed: seed)
            for _ in 0..<40 {
                let name = "f\(random.next(upperBound: UInt(5)))"
                switch random.next(upperBound: UInt(6)) {
                case 0: try? storage.unlink(name)
                case 1: try? storage.rename(name, to: "f\(random.next(upperBound: UInt(5)))")
                case 2: try? storage.syncDirectory("/")
                case 3: try? storage.open(name, .readWrite).sync()
                default:
                    let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: random.next()), count: 700)
                    let file = try storage.open(name, .create)
                    try bytes.lending { (b) throws(IOFault) in
                        try file.write(b, at: Int64(random.next(upperBound: UInt(4_000))))
                    }
                }
            }
            storage.crash(using: &random)
            var content: [String: [UInt8]] = [:]
            for name in try storage.list("/") { content[name] = try storage.contents(of: name, limit: 10_000) }
            return content
        }
        var different: Set<[String: [UInt8]]> = []
        for seed in UInt64(0)..<50 {
            let first = try run(seed)
            #expect(try run(seed) == first, "seed \(seed)")
            different.insert(first)
        }
        #expect(different.count > 25)
    }

    /// The oracle is a second, much simpler model: a byte that was synced and not written since is there after a crash;
    /// any other byte is one of those written there since, or zero if nothing was synced there.
    @Test func everyByteAfterACrashIsOneThatWasWrittenThere() throws {
        for seed in Seeds.first(200) {
            var random = SeededRandom(seed: seed)
            let storage = SimulatedStorage(seed: seed)
            let file = try storage.open("a", .create)
            try storage.syncDirectory("/")
            var possible = [Set<UInt8>](repeating: [0], count: 6_000)
            var synced = [UInt8](repeating: 0, count: 6_000)
            var latest = synced
            var syncedLength = 0, longest = 0
            for step in 1...30 {
                if random.chance(1, in: 6) {
                    try file.sync()
                    synced = latest
                    possible = synced.map { [$0] }
                    syncedLength = longest
                    continue
                }
                let offset = Int(random.next(upperBound: UInt(4_000)))
                let bytes = [UInt8](repeating: UInt8(step), count: 1 + Int(random.next(upperBound: UInt(2_000))))
                try bytes.lending { (b) throws(IOFault) in try file.write(b, at: Int64(offset)) }
                for i in offset..<offset + bytes.count {
                    latest[i] = UInt8(step)
                    possible[i].insert(UInt8(step))
                }
                longest = max(longest, offset + bytes.count)
            }
            storage.crash(using: &random)
            let content = try #require(try storage.contents(of: "a", limit: 1 << 20))
            #expect(content.count >= syncedLength && content.count <= longest, "seed \(seed)")
            let wrong = content.indices.first { !possible[$0].contains(content[$0]) }
            #expect(wrong == nil, "seed \(seed), byte \(wrong ?? -1)")
        }
    }
}
