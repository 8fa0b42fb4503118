import Foundation
import MillraceCore
import Testing

@testable import MillraceLog

/// The cases about clocks and times.
extension StoreCaseTests {
    /// The machine ran for a month and starts again a day in its own past: its monotonic clock at zero, its wall clock
    /// back. What decides is the offset, never a time.
    @Test(arguments: [true, false]) func T20_clocksThatGoBackBetweenTwoStartsChangeNothing(isClean: Bool) throws {
        let (bench, partition) = try bench {
            $0.futureLimit = nil
            $0.segmentBytes = 1_024
            $0.timestamps = .append
        }
        bench.clock.advance(by: .days(30))
        for number in 0..<20 { try bench.append(partition, batch(["v\(number)"], properties(Int32(number)))) }
        try bench.store.positions.commit(group: "g", topic: "t", partition: 0, offset: 7)
        if isClean { try bench.store.close() }
        let before = bench.clock
        try bench.reboot(wall: before.wall + .days(-1))
        #expect(bench.clock.now < before.now)
        let again = try #require(bench.open().topic("t")).partitions[0]
        #expect(try readAll(again).count == 20)
        #expect(try bench.store.positions.position(group: "g", topic: "t", partition: 0)?.offset == 7)
        #expect(try bench.append(again, batch(["v19"], properties(19))).isDuplicate)
        for number in 20..<40 { try bench.append(again, batch(["v\(number)"], properties(Int32(number)))) }
        // Retention, expiry and the timers of the new clock run as ever, and what was stamped "later" is still here.
        for _ in 0..<20 {
            bench.clock.advance(by: .seconds(60))
            bench.store.turn()
            bench.store.maintain()
        }
        #expect(try readAll(again).map(\.value) == (0..<40).map { "v\($0)" })
        #expect(try readAll(again).map(\.offset) == Array(0..<40))
        let isFoundByTime = try again.offset(atOrAfter: before.wall) == 0
        #expect(isFoundByTime)
        try bench.append(again, ["v40"])
        try bench.kill()
        #expect(try readAll(try #require(bench.open().topic("t")).partitions[0]).count == 41)
        // A week later by the new clock nothing but the old retention decides.
        bench.clock.advance(by: .days(9))
        bench.store.maintain()
        let last = try #require(bench.store.topic("t")).partitions[0]
        #expect(last.startOffset > 0)
        #expect(last.endOffset == 41)
    }

    @Test func T21_strangeTimesAreRefusedOrIndexedAndRetentionWorks() throws {
        let (bench, partition) = try bench { $0.retentionTime = .days(7) }
        let now = bench.clock.wall.flooredMilliseconds
        // Nanoseconds, and the year 2600: beyond the hour that is allowed.
        for milliseconds in [now * 1_000_000, now + 3_700_000, 19_880_899_200_000, .max] {
            do {
                try bench.append(partition, batch(["x"], at: milliseconds))
                Issue.record("\(milliseconds) was taken")
            } catch let failure as Failure { #expect(failure.code == .invalidTimestamp) }
        }
        for milliseconds in [0, -1, now] { try bench.append(partition, batch(["ok"], at: milliseconds)) }
        #expect(try partition.offset(atOrAfter: .milliseconds(1)) == 2)
        try bench.store.alterTopic("t") { $0.futureLimit = nil }
        try bench.append(partition, batch(["year 2600"], at: 19_880_899_200_000))
        try bench.append(partition, batch(["no time"], at: -1))
        #expect(try partition.offset(atOrAfter: .milliseconds(now + 1)) == 3)
        partition.requestRoll()
        bench.store.turn()
        try bench.append(partition, ["active"])
        bench.store.maintain()
        #expect(partition.startOffset == 0)
        bench.clock.advance(by: .days(8))
        bench.store.maintain()
        #expect(partition.startOffset == 5)
    }
}

/// Each of the log's cases is found by its number.
@Suite struct StoreCaseNumberTests {
    @Test func everyCaseFromT01ToT21HasATestThatBearsItsNumber() throws {
        let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let files = try #require(FileManager.default.enumerator(at: here, includingPropertiesForKeys: nil))
        var names = ""
        for case let file as URL in files where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            for line in text.split(separator: "\n") where line.contains("func T") { names += line + "\n" }
        }
        for number in 1...21 {
            let name = "T" + (number < 10 ? "0" : "") + "\(number)_"
            #expect(names.contains("func \(name)"), "no test begins with \(name)")
        }
    }
}
