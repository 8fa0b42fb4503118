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
        return mark
    }

    @Test func comesBackAsItWas() throws {
        #expect(try TaskMark(mark.bytes, of: task) == mark)
        #expect(try TaskMark(TaskMark().bytes, of: task) == TaskMark())
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
            }
        }
    }
}
