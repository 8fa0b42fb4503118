import MillraceCore
import Testing

@testable import MillraceEngine

@Suite struct TaskMarkTests {
    private let task = TaskAddress(pipeline: "views", stage: 1, partition: 3)

    private var mark: TaskMark {
        var mark = TaskMark()
        (mark.positions, mark.commits, mark.recordsIn, mark.isFinished) = ([17, 0], 4, 1 << 40, true)
        mark.transaction = [
            TransactionPart(topic: "views", partition: 2, firstOffset: 9),
            TransactionPart(topic: "late", partition: 0, firstOffset: 0),
        ]
        mark.upstream = [
            UpstreamWatermarks.Producer(id: 7, watermark: .seconds(3), isIdle: true),
            UpstreamWatermarks.Producer(id: 1),
        ]
        (mark.watermark, mark.latestEvent) = (.seconds(-5), .seconds(8))
        mark.journal = 3..<77
        return mark
    }

    @Test func comesBackAsItWas() throws {
        #expect(try TaskMark(mark.bytes, of: task) == mark)
        #expect(try TaskMark(TaskMark().bytes, of: task) == TaskMark())
    }

    /// As written before state had a journal: two inputs at 4 and 5, 6 commits, no shuffle, no transaction.
    @Test func aMarkOfVersion2IsOneWithoutAJournal() throws {
        var writer = ByteWriter()
        writer.byte(2)
        for number in [9, 10, 6, 1, 2, 3, 4] as [Int64] { writer.integer(number) }
        writer.byte(0)
        writer.integer(2 as UInt16)
        writer.integer(4 as Int64)
        writer.integer(5 as Int64)
        writer.integer(0 as UInt32)
        writer.integer(0 as UInt32)
        writer.integer(writer.bytes.withUnsafeBytes { CRC32C.of($0) })
        let mark = try TaskMark(writer.bytes, of: task)
        #expect(mark.positions == [4, 5] && mark.commits == 6 && mark.badRecords == 4)
        #expect(mark.journal.isEmpty)
    }

    @Test func everyFlippedBitAndEveryCutIsRefused() {
        let bytes = mark.bytes
        for bit in 0..<bytes.count * 8 {
            var damaged = bytes
            damaged[bit / 8] ^= 1 << (bit % 8)
            #expect(throws: Failure.self) { try TaskMark(damaged, of: task) }
        }
        for length in 0..<bytes.count {
            #expect(throws: Failure.self) { try TaskMark(Array(bytes[..<length]), of: task) }
        }
    }

    @Test func noTasksKeysAreAnothersPrefix() {
        let addresses = ["a", "ab", "a/1", ""].flatMap { name in
            [(0, 0), (0, 1), (1, 0), (0, 256)].map { TaskAddress(pipeline: name, stage: $0.0, partition: $0.1) }
        }
        for one in addresses {
            for other in addresses where one != other {
                #expect(!other.statePrefix.starts(with: one.statePrefix))
                #expect(!other.markKey.starts(with: one.markKey))
                #expect(!other.journalKey(1).starts(with: one.journalKey(0).dropLast(8)))
            }
        }
    }
}
