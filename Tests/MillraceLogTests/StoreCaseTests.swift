import MillraceCore
import Testing

@testable import MillraceLog

/// The log's cases of the reliability reference by number, those that a simulated disk can show.
@Suite struct StoreCaseTests {
    let directory = "log/topics/t/0"

    func bench(_ change: (inout TopicConfiguration) -> Void = { _ in }) throws -> (Bench, Partition) {
        let bench = Bench()
        try bench.open()
        return (bench, try bench.topic("t", change))
    }
    func logs(_ bench: Bench) throws -> [String] {
        try bench.disk.list(directory).filter { $0.hasSuffix(".log") }.map { "\(directory)/\($0)" }
    }
    func properties(_ sequence: Int32) -> RecordBatchBuilder.Properties {
        var properties = RecordBatchBuilder.Properties()
        (properties.producerID, properties.producerEpoch, properties.baseSequence) = (3, 0, sequence)
        return properties
    }
    func write(_ disk: SimulatedStorage, _ path: String, _ bytes: [UInt8], at offset: Int64) throws {
        let file = try disk.open(path, .create)
        try bytes.lending { (raw) throws(IOFault) in try file.write(raw, at: offset) }
    }

    @Test func T02_powerCutBetweenWriteSyncAndAck() throws {
        for call in 1...12 {
            for seed: UInt64 in 0..<8 {
                let (bench, partition) = try bench()
                try bench.append(partition, batch(["first"], properties(0)))
                bench.disk.powerOff(atCall: call)
                let outcome = Outcome()
                partition.append(try batch(["second-a", "second-b"], properties(1))) { outcome.set($0) }
                bench.store.turn()
                var random = SeededRandom(seed: seed)
                bench.dropStore()
                bench.disk.crash(using: &random)
                let again = try #require(bench.open().topic("t")).partitions[0]
                let values = try readAll(again).map(\.value)
                // Never half a batch.
                #expect(values == ["first"] || values == ["first", "second-a", "second-b"])
                if case .success = outcome.value { #expect(values.count == 3) }
                let retried = try bench.append(again, batch(["second-a", "second-b"], properties(1)))
                #expect(retried.baseOffset == 1)
                #expect(try readAll(again).map(\.value) == ["first", "second-a", "second-b"])
            }
        }
    }

    @Test func T03_aShortWriteIsRolledBack() throws {
        for taken in [0, 1, 60, 61, 100] {
            let (bench, partition) = try bench()
            try bench.append(partition, ["a"])
            bench.disk.shortenWrite(to: taken) { $0.hasSuffix(".log") }
            #expect(throws: Failure.self) { try bench.append(partition, ["b-\(String(repeating: "x", count: 200))"]) }
            #expect(try bench.append(partition, ["c"]).baseOffset == 1)
            try bench.kill()
            let again = try #require(bench.open().topic("t")).partitions[0]
            #expect(try readAll(again).map(\.value) == ["a", "c"])
            #expect(bench.store.recovery.events.isEmpty)
        }
    }

    @Test func T03_strayBytesThatCannotBeCutBlockAppendsUntilTheyCan() throws {
        let (bench, partition) = try bench()
        try bench.append(partition, ["a"])
        bench.disk.shortenWrite(to: 70) { $0.hasSuffix(".log") }
        bench.disk.fail(.truncate, with: IOFault.inputOutput)
        #expect(throws: Failure.self) { try bench.append(partition, ["b-\(String(repeating: "x", count: 200))"]) }
        bench.disk.fail(.truncate, with: IOFault.inputOutput)
        #expect(throws: Failure.self) { try bench.append(partition, ["c"]) }
        #expect(try bench.append(partition, ["d"]).baseOffset == 1)
        try bench.kill()
        #expect(try readAll(try #require(bench.open().topic("t")).partitions[0]).map(\.value) == ["a", "d"])
    }

    @Test func T04_aTornPageIsCutBeforeTheFirstBadFrame() throws {
        for lost in 0..<6 {
            let (bench, partition) = try bench { $0.segmentBytes = 100_000 }
            try bench.append(partition, ["safe"])
            bench.disk.powerOff(atCall: 2)  // the write passes, the sync does not
            let outcome = Outcome()
            partition.append(try batch((0..<30).map { "torn-\($0)-\(String(repeating: "z", count: 80))" })) {
                outcome.set($0)
            }
            bench.store.turn()
            bench.dropStore()
            var sector = -1
            bench.disk.crash { change in
                guard case .sector = change else { return true }
                sector += 1
                return sector != lost
            }
            let again = try #require(bench.open().topic("t")).partitions[0]
            let values = try readAll(again).map(\.value)
            #expect(values == ["safe"] || (sector < lost && values.count == 31))
            #expect(again.fault == nil)
            #expect(try bench.append(again, ["next"]).baseOffset == Int64(values.count))
        }
    }

    @Test func T04_wholeFramesBehindATornOneAreKeptInTheQuarantine() throws {
        let (bench, partition) = try bench { $0.segmentBytes = 100_000 }
        try bench.append(partition, ["safe"])
        // Two batches in one write of which only the second reaches the disk.
        let first = try batch(["one-\(String(repeating: "a", count: 600))"])
        let second = try batch(["two-\(String(repeating: "b", count: 600))"])
        for batch in [first, second] { partition.append(batch) { _ in } }
        bench.disk.powerOff(atCall: 2)
        bench.store.turn()
        bench.dropStore()
        bench.disk.crash { change in
            if case .sector(let offset) = change { return offset >= 512 }
            return true
        }
        let again = try #require(bench.open().topic("t")).partitions[0]
        #expect(try readAll(again).map(\.value) == ["safe"])
        #expect(again.fault == nil)
        #expect(bench.store.recovery.events.map(\.kind) == [.quarantined])
        #expect(try bench.disk.list("log/quarantine").count == 1)
    }

    /// The power goes right after an acknowledgement, and takes all that was not synced.
    @Test func T05_whatIsAcknowledgedIsThereAfterAPowerCut() throws {
        for acknowledged in 1...6 {
            let (bench, partition) = try bench()
            for number in 0..<acknowledged { try bench.append(partition, ["v\(number)"]) }
            bench.dropStore()
            bench.disk.crash { _ in false }
            let again = try #require(bench.open().topic("t")).partitions[0]
            #expect(try readAll(again).map(\.value) == (0..<acknowledged).map { "v\($0)" })
        }
    }

    /// The same right after a roll: the new file is synced, and so is the directory that names it.
    @Test func T06_whatIsAcknowledgedRightAfterARollIsThere() throws {
        for rolls in 1...5 {
            let (bench, partition) = try bench()
            for number in 0..<rolls {
                try bench.append(partition, ["v\(number)"])
                partition.requestRoll()
                bench.store.turn()
            }
            try bench.append(partition, ["last"])
            #expect(partition.segments.count == rolls + 1)
            bench.dropStore()
            bench.disk.crash { _ in false }
            let again = try #require(bench.open().topic("t")).partitions[0]
            #expect(try readAll(again).map(\.value) == (0..<rolls).map { "v\($0)" } + ["last"])
        }
    }

    @Test func T07_smallFilesAreOldOrNewNeverHalf() throws {
        for call in 1...8 {
            for seed: UInt64 in 0..<6 {
                let (bench, _) = try bench()
                try bench.store.positions.commit(group: "g", topic: "t", partition: 0, offset: 1)
                bench.disk.powerOff(atCall: call)
                try? bench.store.positions.commit(group: "g", topic: "t", partition: 0, offset: 2)
                try? bench.store.alterTopic("t") { $0.retentionBytes = 77_777 }
                bench.dropStore()
                var random = SeededRandom(seed: seed)
                bench.disk.crash(using: &random)
                try bench.open()
                let offset = try bench.store.positions.position(group: "g", topic: "t", partition: 0)?.offset
                #expect(offset == 1 || offset == 2)
                let bytes = try #require(bench.store.topic("t")).configuration.retentionBytes
                #expect(bytes == nil || bytes == 77_777)
                #expect(bench.store.recovery.events.isEmpty)
            }
        }
    }

    @Test func T08_aPowerCutDuringRetentionTakesNoLiveRecord() throws {
        for call in 1...30 {
            for seed: UInt64 in 0..<6 {
                let (bench, partition) = try bench {
                    $0.segmentBytes = 1_024
                    $0.retentionTime = nil
                    $0.retentionBytes = 3_000
                }
                for number in 0..<40 {
                    try bench.append(partition, ["v\(number)-\(String(repeating: "x", count: 200))"])
                }
                bench.disk.powerOff(atCall: call)
                bench.store.maintain()
                bench.dropStore()
                var random = SeededRandom(seed: seed)
                bench.disk.crash(using: &random)
                let again = try #require(bench.open().topic("t")).partitions[0]
                #expect(again.fault == nil, "call \(call) seed \(seed): \(String(describing: again.fault))")
                let reads = try readAll(again)
                // Deleted ones may come back; what is there is whole and reaches to the end.
                #expect(reads.map(\.offset) == Array(again.startOffset..<40))
                #expect(reads.allSatisfy { $0.value.hasPrefix("v\($0.offset)-") })
                #expect(again.byteCount >= 3_000)
            }
        }
    }

    @Test func T09_aFailedSyncFencesThePartitionAndOthersGoOn() throws {
        let (bench, partition) = try bench()
        let other = try bench.topic("other")
        try bench.append(partition, ["a"])
        bench.disk.fail(.sync, with: IOFault.inputOutput) { $0.contains("/t/0/") }
        let outcomes = (0..<3).map { _ in Outcome() }
        for outcome in outcomes { partition.append(try batch(["lost"])) { outcome.set($0) } }
        bench.store.turn()
        for outcome in outcomes {
            guard case .failure(let failure) = outcome.value else {
                Issue.record("acknowledged after a failed sync")
                continue
            }
            #expect(failure.isFatal)
        }
        #expect(partition.fault != nil)
        // The disk is well again: still nothing is acknowledged.
        #expect(throws: Failure.self) { try bench.append(partition, ["later"]) }
        #expect(try readAll(partition).map(\.value) == ["a"])
        try bench.append(other, ["fine"])
        bench.dropStore()
        bench.disk.crash { _ in false }
        try bench.open()
        let again = try #require(bench.store.topic("t")).partitions[0]
        // What was not acknowledged may be there or not.
        let values = try readAll(again).map(\.value)
        #expect(values.first == "a" && values.dropFirst().allSatisfy { $0 == "lost" })
        #expect(try bench.append(again, ["b"]).baseOffset == Int64(values.count))
        #expect(try readAll(try #require(bench.store.topic("other")).partitions[0]).map(\.value) == ["fine"])
    }

    @Test func T10_aFullDiskRefusesServesAndResumes() throws {
        for room in stride(from: Int64(0), to: 2_000, by: 97) {
            let (bench, partition) = try bench { $0.segmentBytes = 1_024 }
            try bench.append(partition, ["a"])
            bench.disk.capacity = bench.disk.usedBytes + room
            var accepted = ["a"]
            for number in 0..<12 {
                let value = "n\(number)-\(String(repeating: "x", count: 150))"
                do {
                    try bench.append(partition, [value])
                    accepted.append(value)
                } catch let failure as Failure { #expect(failure.code == .diskFull, "\(failure)") }
                try? bench.store.positions.commit(group: "g", topic: "t", partition: 0, offset: Int64(number))
                bench.store.maintain()
                #expect(try readAll(partition).map(\.value) == accepted)
            }
            bench.disk.capacity = nil
            bench.store.maintain()
            try bench.append(partition, ["again"])
            #expect(try readAll(partition).map(\.value) == accepted + ["again"])
            // And a start on a full disk.
            try bench.kill()
            bench.disk.capacity = bench.disk.usedBytes
            let reopened = try #require(bench.open().topic("t")).partitions[0]
            #expect(try readAll(reopened).map(\.value) == accepted + ["again"])
        }
    }

    @Test(arguments: ["deleted", "empty", "random", "an earlier one's", "a later one's"])
    func T11_indexesAreRebuiltAndTornTailsCut(_ damage: String) throws {
        let (bench, partition) = try bench()
        for number in 0..<200 { try bench.append(partition, ["v\(number)-\(String(repeating: "x", count: 50))"]) }
        try bench.store.close()
        try bench.kill()
        let indexes = try bench.disk.list(directory).filter { $0.hasSuffix(".index") }.map { "\(directory)/\($0)" }
        #expect(indexes.count > 3)
        let own = damage == "a later one's" ? indexes.count - 1 : 0
        let foreign = try #require(try bench.disk.contents(of: indexes[own], limit: 1 << 20))
        var random = SeededRandom(seed: 2)
        for (number, path) in indexes.enumerated() where number != own {
            try bench.disk.unlink(path)
            switch damage {
            case "empty": try write(bench.disk, path, [], at: 0)
            case "random":
                try write(bench.disk, path, (0..<300).map { _ in UInt8.random(in: 0...255, using: &random) }, at: 0)
            case "an earlier one's", "a later one's": try write(bench.disk, path, foreign, at: 0)
            default: break
            }
        }
        // A torn tail: the beginning of a frame that never got whole.
        let last = try #require(try logs(bench).last)
        let size = try #require(try bench.disk.status(of: last)).size
        try write(bench.disk, last, Array(batch(["torn-torn-torn-torn"]).bytes.prefix(70)), at: size)
        let again = try #require(bench.open().topic("t")).partitions[0]
        #expect(again.fault == nil)
        #expect(again.endOffset == 200)
        #expect(bench.store.recovery.events.map(\.kind) == [.tornTail])
        #expect(try readAll(again).count == 200)
        for offset: Int64 in [0, 1, 77, 150, 199] {
            #expect(try readAll(again, from: offset).first?.offset == offset)
        }
        #expect(try bench.append(again, ["next"]).baseOffset == 200)
    }

    @Test func T12_overlappingOrBackwardSegmentsAreRefusedByPlaceAndNothingIsDeleted() throws {
        let (bench, partition) = try bench()
        let other = try bench.topic("other")
        try bench.append(other, ["fine"])
        for number in 0..<200 { try bench.append(partition, ["v\(number)-\(String(repeating: "x", count: 50))"]) }
        try bench.store.close()
        try bench.kill()
        let paths = try logs(bench)
        // The second segment's file under a base that lies inside the first one.
        let bytes = try #require(try bench.disk.contents(of: paths[1], limit: 1 << 20))
        try write(bench.disk, "\(directory)/\(SegmentName(base: 5, epoch: 0).log)", bytes, at: 0)
        let before = try bench.disk.list(directory).filter { $0.hasSuffix(".log") }
        try bench.open()
        let again = try #require(bench.store.topic("t")).partitions[0]
        #expect(again.fault?.code == .corrupt)
        #expect(again.fault?.place.contains(".log") ?? false)
        #expect(throws: Failure.self) { try bench.append(again, ["x"]) }
        do {
            _ = try readAll(again)
            Issue.record("overlapping segments were read as if nothing were wrong")
        } catch let failure as Failure { #expect(failure.code == .corrupt) }
        try bench.append(try #require(bench.store.topic("other")).partitions[0], ["still fine"])
        #expect(try bench.disk.list(directory).filter { $0.hasSuffix(".log") } == before)
    }

    @Test func T13_theCleanMarkerIsGoneBeforeAnythingElse() throws {
        let (bench, partition) = try bench()
        try bench.append(partition, ["a"])
        try bench.store.close()
        try bench.kill()
        for call in 1...40 {
            let disk = bench.disk.fork()
            disk.powerOff(atCall: call)
            let store = try? LogStore.open(directory: "log", storage: disk, clock: bench.clock, options: bench.options)
            if disk.isOff { disk.crash { _ in true } } else { disk.killProcess() }
            withExtendedLifetime(store) {}
            disk.clearFaults()
            // Whenever the start got beyond the marker, the next one is unclean.
            let marker = try disk.status(of: "log/clean")
            let again = try? LogStore.open(directory: "log", storage: disk, clock: bench.clock, options: bench.options)
            if let again { #expect(again.recovery.wasClean == (marker != nil)) }
        }
    }

    @Test(arguments: ["ahead", "behind", "missing", "corrupt"])
    func T14_theRecoveryPointIsAHint(_ damage: String) throws {
        let (bench, partition) = try bench { $0.segmentBytes = 100_000 }
        for number in 0..<50 { try bench.append(partition, ["v\(number)"]) }
        try bench.kill()
        let path = "log/topics/t/durable.points"
        switch damage {
        case "behind":
            let point = RecoveryPoint(durableOffset: 0, segmentBase: 0, position: 0, epoch: 0, hasState: false)
            try write(bench.disk, path, point.encode(), at: 0)
        case "ahead":
            let size = try #require(try bench.disk.status(of: try logs(bench)[0])).size
            let point = RecoveryPoint(
                durableOffset: 60, segmentBase: 0, position: UInt32(size) + 1_000, epoch: 0, hasState: false)
            try write(bench.disk, path, point.encode(), at: 0)
        case "missing": try bench.disk.unlink(path)
        default: #expect(bench.disk.damage(path, at: 3, flipping: 8))
        }
        let again = try #require(bench.open().topic("t")).partitions[0]
        #expect(try readAll(again).count == 50)
        #expect(again.endOffset == 50)
        // Records that were known to be on the disk and are not: that is a loss, and said so.
        #expect((again.fault != nil) == (damage == "ahead"))
        if damage != "ahead" { #expect(bench.store.recovery.scannedBytes > 0) }
    }

    @Test func T15_aReaderLearnsThatTheLogWasCutBack() throws {
        let (bench, partition) = try bench { $0.durability = .written }
        try bench.append(partition, batch(["a"]), .durable)
        try bench.append(partition, ["b"])
        try bench.append(partition, ["c"])
        let reader = try LogReader(partition: partition, from: 0)
        #expect(try reader.next()?.endOffset == 3)
        let epoch = partition.leaderEpoch
        bench.dropStore()
        bench.disk.crash { _ in false }
        let again = try #require(bench.open().topic("t")).partitions[0]
        #expect(again.endOffset == 1)
        do {
            _ = try LogReader(partition: again, from: 3).next()
            Issue.record("read beyond the end in silence")
        } catch { #expect(error.code == .offsetOutOfRange) }
        for value in ["x", "y", "z"] { try bench.append(again, batch([value]), .durable) }
        // The offset is there again, but it means something else.
        do {
            _ = try LogReader(partition: again, from: 3, epoch: epoch)
            Issue.record("other data under the same offset")
        } catch { #expect(error.code == .offsetOutOfRange) }
        #expect(again.leaderEpoch > epoch)
    }

    @Test(arguments: ["both", "temporary only", "new only"])
    func T16_aHalfFinishedSwapGivesOneVersion(_ state: String) throws {
        let (bench, partition) = try bench {
            $0.cleanup = .compact
            $0.dirtyPercent = 0
        }
        for number in 0..<100 {
            try bench.append(partition, key: number % 3, "v\(number)")
        }
        let point =
            switch state {
            case "both": "log.compaction.durable"
            case "temporary only": "log.compaction.synced"
            default: "log.compaction.removed"
            }
        bench.disk.powerOff(atCrashPoint: point)
        _ = try? partition.compact()
        bench.dropStore()
        bench.disk.crash { _ in true }
        let again = try #require(bench.open().topic("t")).partitions[0]
        #expect(again.fault == nil)
        let values = Set(try readAll(again).map(\.value))
        #expect(values.isSuperset(of: ["v97", "v98", "v99"]))
        #expect(again.endOffset == 100)
        #expect(try bench.disk.list(directory).allSatisfy { !$0.hasSuffix(".tmp") })
        let bases = try logs(bench).compactMap { SegmentName(String($0.split(separator: "/").last!))?.base }
        #expect(Set(bases).count == bases.count)
    }

    @Test(arguments: ["missing", "corrupt"])
    func T19_dataWithoutMetadataIsKeptAndServed(_ damage: String) throws {
        let (bench, partition) = try bench {
            $0.retentionTime = .seconds(1)
            $0.partitions = 3
        }
        for number in 0..<100 { try bench.append(partition, ["v\(number)-\(String(repeating: "x", count: 90))"]) }
        try bench.store.close()
        try bench.kill()
        let path = "log/topics/t/topic.meta"
        if damage == "missing" { try bench.disk.unlink(path) } else { bench.disk.damage(path, at: 15, flipping: 1) }
        try bench.open()
        let topic = try #require(bench.store.topic("t"))
        #expect(topic.partitions.count == 3)
        #expect(topic.isRebuilt)
        bench.clock.advance(by: .days(3_650))
        bench.store.maintain()
        #expect(try readAll(topic.partitions[0]).count == 100)
        #expect(bench.store.recovery.events.map(\.kind) == [.metadataRebuilt])
        try bench.append(topic.partitions[0], ["next"])
    }
}
