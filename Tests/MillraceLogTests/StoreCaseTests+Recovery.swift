import MillraceCore
import Testing

@testable import MillraceLog

/// More of the cases by number: what recovery and rolls owe to a power cut that comes at the worst moment.
extension StoreCaseTests {
    /// What was acknowledged in a segment must be on the disk before the next one takes over: a sync of the new file
    /// says nothing about the old one.
    @Test(arguments: [Acknowledgement.durable, .written])
    func T06_aRollLeavesNothingUnsyncedBehind(_ first: Acknowledgement) throws {
        for isAsked in [false, true] {
            let (bench, partition) = try bench { $0.segmentBytes = 1_024 }
            let outcomes = (0..<3).map { _ in Outcome() }
            // One turn of the writer: no sync comes between the first batch and the roll.
            partition.append(
                try batch(["old-\(String(repeating: "x", count: 700))"]), acknowledgement: first
            ) { outcomes[0].set($0) }
            if isAsked {
                bench.store.turn()
                partition.requestRoll()
            }
            for (at, value) in ["new-\(String(repeating: "y", count: 700))", "last"].enumerated() {
                partition.append(try batch([value]), acknowledgement: .durable) { outcomes[at + 1].set($0) }
            }
            bench.store.turn()
            for outcome in outcomes { _ = try #require(outcome.value).get() }
            #expect(partition.segments.count == 2)
            bench.dropStore()
            bench.disk.crash { _ in false }
            let again = try #require(bench.open().topic("t")).partitions[0]
            // A durable record's predecessors are durable too, whatever they were acknowledged as.
            #expect(again.fault == nil)
            #expect(try readAll(again).map { String($0.value.prefix(4)) } == ["old-", "new-", "last"])
        }
    }

    /// Compaction while the power goes at any call of it: the last value of each key survives, whichever version of a
    /// segment is found.
    @Test func T08_aPowerCutDuringCompactionTakesNoLiveRecord() throws {
        var cuts = 0
        for call in 1...200 {
            let (bench, partition) = try bench {
                $0.cleanup = .compact
                $0.dirtyPercent = 0
            }
            for number in 0..<60 {
                try bench.append(partition, key: number % 5, "v\(number)")
            }
            bench.disk.powerOff(atCall: call)
            _ = try? partition.compact()
            let wasCut = bench.disk.isOff
            bench.dropStore()
            var random = SeededRandom(seed: proofSeed &+ UInt64(call))
            bench.disk.crash(using: &random)
            let again = try #require(bench.open().topic("t")).partitions[0]
            #expect(again.fault == nil, "call \(call): \(String(describing: again.fault))")
            #expect(again.startOffset == 0 && again.endOffset == 60, "call \(call)")
            let reads = try readAll(again)
            #expect(Set(reads.map(\.value)).isSuperset(of: (55..<60).map { "v\($0)" }), "call \(call)")
            #expect(reads.allSatisfy { $0.value == "v\($0.offset)" }, "call \(call)")
            guard wasCut else { break }
            cuts += 1
        }
        #expect(cuts > 10 && cuts < 200)
    }

    /// A compaction died between the rename and the sync of the directory. The next start sees both files and drops the
    /// old one; when the power goes then, the new one's name must not be what is lost.
    @Test func T16_theReplacedSegmentGoesAfterItsSuccessorIsDurable() throws {
        var cuts = 0
        for call in 1...200 {
            let (bench, partition) = try bench {
                $0.cleanup = .compact
                $0.dirtyPercent = 0
            }
            for number in 0..<100 {
                try bench.append(partition, key: number % 3, "v\(number)")
            }
            // Nothing else may be waiting for a sync that would bring the name along.
            try bench.store.close()
            try bench.kill()
            let before = try #require(bench.open().topic("t")).partitions[0]
            bench.disk.powerOff(atCrashPoint: "log.compaction.renamed")
            _ = try? before.compact()
            #expect(bench.disk.isOff)
            try bench.kill()
            bench.disk.powerOff(atCall: call)
            _ = try? bench.open()
            let wasCut = bench.disk.isOff
            if wasCut { cuts += 1 }
            bench.dropStore()
            // The removal of the old name reaches the disk, the new name does not.
            bench.disk.crash { change in
                if case .names(let names) = change { return !names.contains { $0.hasSuffix(".tmp") } }
                return true
            }
            let again = try #require(bench.open().topic("t")).partitions[0]
            #expect(again.fault == nil, "call \(call): \(String(describing: again.fault))")
            #expect(again.startOffset == 0 && again.endOffset == 100, "call \(call)")
            #expect(Set(try readAll(again).map(\.value)).isSuperset(of: ["v97", "v98", "v99"]), "call \(call)")
            if !wasCut { break }
        }
        #expect(cuts > 5 && cuts < 200)
    }

    /// Power or process gone at every call of a recovery, five times in a row, with a torn tail and a half-finished
    /// compaction to clear away.
    @Test(arguments: [true, false])
    func T13_aRecoveryThatDiesFiveTimesGivesTheSame(isPowerCut: Bool) throws {
        let (bench, partition) = try bench {
            $0.cleanup = .compact
            $0.dirtyPercent = 0
        }
        for number in 0..<60 {
            try bench.append(
                partition, key: number % 3, "v\(number)-\(String(repeating: "x", count: 90))", properties(Int32(number))
            )
        }
        bench.disk.powerOff(atCrashPoint: "log.compaction.durable")
        _ = try? partition.compact()
        try bench.kill()
        let last = try #require(try logs(bench).last)
        let size = try #require(try bench.disk.status(of: last)).size
        try write(bench.disk, last, Array(batch(["torn-torn-torn-torn"]).bytes.prefix(70)), at: size)
        let expected: [Read]
        do {
            let whole = bench.disk.fork()
            let store = try LogStore.open(
                directory: "log", storage: whole, clock: bench.clock, options: bench.options)
            expected = try readAll(try #require(store.topic("t")).partitions[0])
            #expect(store.recovery.events.contains { $0.kind == .tornTail })
            #expect(store.recovery.events.contains { $0.kind == .leftover })
        }
        #expect(expected.last?.offset == 59)
        var random = SeededRandom(seed: proofSeed)
        var cuts = 0
        for call in 1...200 {
            let disk = bench.disk.fork()
            for _ in 0..<5 {
                disk.powerOff(atCall: call)
                let store = try? LogStore.open(
                    directory: "log", storage: disk, clock: bench.clock, options: bench.options)
                if disk.isOff { cuts += 1 }
                withExtendedLifetime(store) {}
                if isPowerCut { disk.crash(using: &random) } else { disk.killProcess() }
            }
            let store = try LogStore.open(directory: "log", storage: disk, clock: bench.clock, options: bench.options)
            let again = try #require(store.topic("t")).partitions[0]
            #expect(again.fault == nil, "call \(call): \(String(describing: again.fault))")
            #expect(again.endOffset == 60, "call \(call)")
            // Of a compaction that was not finished either version may be there; the last of each key is in both.
            let values = Set(try readAll(again))
            #expect(values.isSuperset(of: expected), "call \(call)")
            let outcome = Outcome()
            let repeated = RecordBatchBuilder(properties(59))
            try repeated.append(
                key: [UInt8(59 % 3)], value: Array("v59-\(String(repeating: "x", count: 90))".utf8), milliseconds: 0)
            again.append(repeated.finish()) { outcome.set($0) }
            store.turn()
            #expect(try #require(outcome.value).get().isDuplicate, "call \(call)")
        }
        #expect(cuts > 100)
    }

    /// A frame twice, and frames in the wrong order, in a closed segment and in the active one.
    @Test(arguments: ["twice", "swapped"], [true, false])
    func T12_batchesOutOfOrderAreRefusedByPlace(_ damage: String, isActive: Bool) throws {
        let (bench, partition) = try bench { $0.segmentBytes = isActive ? 1 << 20 : 1_024 }
        let other = try bench.topic("other")
        try bench.append(other, ["fine"])
        for number in 0..<12 { try bench.append(partition, ["v\(number)-\(String(repeating: "x", count: 200))"]) }
        try bench.store.close()
        try bench.kill()
        let path = try #require(try logs(bench).first)
        var bytes = try #require(try bench.disk.contents(of: path, limit: 1 << 20))
        let frame = try bytes.withUnsafeBytes { try RecordBatchView($0).bytes.count }
        let second = try bytes.withUnsafeBytes {
            try RecordBatchView(UnsafeRawBufferPointer(rebasing: $0[frame...])).bytes.count
        }
        if damage == "twice" {
            bytes.insert(contentsOf: bytes[..<frame], at: frame)
        } else {
            bytes = Array(bytes[frame..<frame + second] + bytes[..<frame] + bytes[(frame + second)...])
        }
        try bench.disk.unlink(path)
        try write(bench.disk, path, bytes, at: 0)
        let index = path.dropLast("log".count) + "index"
        if try bench.disk.status(of: String(index)) != nil { try bench.disk.unlink(String(index)) }
        // Nothing vouches for the bytes but themselves.
        try bench.disk.unlink("log/topics/t/durable.points")
        try bench.open()
        let again = try #require(bench.store.topic("t")).partitions[0]
        // In the active segment everything from the first batch that is out of place may be a torn tail: it is kept in
        // the quarantine, not dropped.
        if isActive, again.fault == nil {
            #expect(bench.store.recovery.events.map(\.kind) == [.quarantined])
            #expect(try bench.disk.list("log/quarantine").count == 1)
            #expect(try readAll(again).count == (damage == "twice" ? 1 : 0))
        } else {
            #expect(again.fault?.code == .corrupt)
            #expect(again.fault?.place.contains("byte ") ?? false)
            #expect(throws: Failure.self) { try bench.append(again, ["x"]) }
            #expect(try bench.disk.contents(of: path, limit: 1 << 20) == bytes)
        }
        try bench.append(try #require(bench.store.topic("other")).partitions[0], ["still fine"])
    }

    /// A file that went missing at the front is a loss like any other: nobody had moved the log's start.
    @Test func aMissingFirstSegmentIsNoNewStart() throws {
        let (bench, partition) = try bench { $0.segmentBytes = 1_024 }
        for number in 0..<30 { try bench.append(partition, ["v\(number)-\(String(repeating: "x", count: 200))"]) }
        try bench.store.close()
        try bench.kill()
        let paths = try logs(bench)
        try bench.disk.unlink(paths[0])
        let again = try #require(bench.open().topic("t")).partitions[0]
        #expect(again.fault?.code == .corrupt)
        #expect(again.fault?.message.contains("0 ..< ") ?? false)
        #expect(try readAll(again).count == 30 - Int(again.startOffset))
        #expect(throws: Failure.self) { try bench.append(again, ["x"]) }
    }

    /// A start on a disk without room: what is there is served, nothing is taken or deleted, and when there is room
    /// again appends go on without another start.
    @Test(arguments: [false, true]) func T10_aStartOnAFullDiskIsReadOnly(isKilled: Bool) throws {
        let (bench, partition) = try bench { $0.segmentBytes = 1_024 }
        for number in 0..<20 { try bench.append(partition, ["v\(number)-\(String(repeating: "x", count: 90))"]) }
        try bench.store.positions.commit(group: "g", topic: "t", partition: 0, offset: 7)
        if !isKilled { try bench.store.close() }
        try bench.kill()
        let files = try bench.disk.list(directory)
        bench.disk.capacity = bench.disk.usedBytes
        let store = try bench.open()
        let again = try #require(store.topic("t")).partitions[0]
        for _ in 0..<3 {
            #expect(again.fault == nil)
            #expect(try readAll(again).count == 20)
            #expect(try store.positions.position(group: "g", topic: "t", partition: 0)?.offset == 7)
            do {
                try bench.append(again, ["no room"])
                Issue.record("took a record without room for it")
            } catch let failure as Failure { #expect(failure.code == .diskFull && failure.isRetriable) }
            do {
                try store.createTopic("more", TopicConfiguration(partitions: 1))
                Issue.record("made a topic without room for it")
            } catch { #expect(error.code == .diskFull) }
            bench.clock.advance(by: .seconds(60))
            store.maintain()
        }
        #expect(Set(try bench.disk.list(directory)).isSuperset(of: files))
        bench.disk.capacity = nil
        store.maintain()
        #expect(try bench.append(again, ["room"]).baseOffset == 20)
        try bench.store.close()
        try bench.kill()
        #expect(try readAll(try #require(bench.open().topic("t")).partitions[0]).count == 21)
    }
}

/// What is cut at the end of a log, and what of it is kept.
@Suite struct StoreTailTests {
    /// A store killed with one batch more than the recovery point knows, whose bytes are then changed.
    private func afterDamage(
        capacity: Bool = false, _ change: (inout [UInt8], _ lastBatch: Int) -> Void
    ) throws -> (Bench, Partition) {
        let bench = Bench()
        try bench.open()
        let partition = try bench.topic { $0.segmentBytes = 100_000 }
        try bench.append(partition, ["safe"])
        let start = Int(partition.byteCount)
        let points = try #require(try bench.disk.contents(of: "log/topics/t/durable.points", limit: 1_000))
        try bench.append(partition, ["last-\(String(repeating: "x", count: 300))"])
        try bench.kill()
        // The point of before the last append, as after a power cut within a second.
        let file = try bench.disk.open("log/topics/t/durable.points", .readWrite)
        try points.lending { (raw) throws(IOFault) in try file.write(raw, at: 0) }
        let path = "log/topics/t/0/00000000000000000000.e0.g0.log"
        var bytes = try #require(try bench.disk.contents(of: path, limit: 1 << 20))
        change(&bytes, start)
        try bench.disk.unlink(path)
        let log = try bench.disk.open(path, .create)
        try bytes.lending { (raw) throws(IOFault) in try log.write(raw, at: 0) }
        if capacity { bench.disk.capacity = bench.disk.usedBytes }
        try bench.open()
        return (bench, try #require(bench.store.topic("t")).partitions[0])
    }
    private func quarantined(_ bench: Bench) throws -> [String] {
        try bench.disk.status(of: "log/quarantine") == nil ? [] : bench.disk.list("log/quarantine")
    }

    @Test func aDamagedLastBatchThatHasAllItsBytesIsKept() throws {
        for place in [0, 5, 12, 16, 18, 30, 61, 200] {
            let (bench, partition) = try afterDamage { bytes, start in bytes[start + place] ^= 4 }
            #expect(try readAll(partition).map(\.value) == ["safe"], "byte \(place)")
            #expect(bench.store.recovery.events.map(\.kind) == [.quarantined], "byte \(place)")
            let kept = try quarantined(bench)
            #expect(kept.count == 1)
            let bytes = try #require(try bench.disk.contents(of: "log/quarantine/\(kept[0])", limit: 1 << 20))
            #expect(bytes.count > 300)
            #expect(try bench.append(partition, ["next"]).baseOffset == 1)
        }
    }

    @Test func anUnfinishedBatchIsCutAndReportedOnly() throws {
        for left in [1, 8, 60, 61, 200] {
            let (bench, partition) = try afterDamage { bytes, start in bytes = Array(bytes[..<(start + left)]) }
            #expect(try readAll(partition).map(\.value) == ["safe"])
            #expect(bench.store.recovery.events.map(\.kind) == [.tornTail], "\(left) bytes")
            #expect(bench.store.recovery.events.first?.detail.contains("\(left) bytes were cut") ?? false)
            #expect(try quarantined(bench).isEmpty)
        }
        let (bench, partition) = try afterDamage { bytes, start in
            for at in start..<bytes.count { bytes[at] = 0 }
        }
        #expect(try readAll(partition).map(\.value) == ["safe"])
        #expect(bench.store.recovery.events.map(\.kind) == [.tornTail])
    }

    @Test func withoutRoomForTheCopyNothingIsCut() throws {
        let (bench, partition) = try afterDamage(capacity: true) { bytes, start in bytes[start + 100] ^= 1 }
        #expect(try readAll(partition).map(\.value) == ["safe"])
        #expect(partition.fault?.code == .corrupt)
        #expect(bench.store.recovery.events.map(\.kind) == [.refused])
        let path = "log/topics/t/0/00000000000000000000.e0.g0.log"
        #expect(try #require(try bench.disk.status(of: path)).size > 400)
        try bench.kill()
        bench.disk.capacity = nil
        let again = try #require(bench.open().topic("t")).partitions[0]
        #expect(again.fault == nil)
        #expect(bench.store.recovery.events.map(\.kind) == [.quarantined])
        #expect(try bench.append(again, ["next"]).baseOffset == 1)
    }
}
