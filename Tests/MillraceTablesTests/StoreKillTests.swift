import Foundation
import MillraceCore
import Testing

@testable import MillraceTables

#if canImport(Glibc)
    import Glibc
#endif

/// SIGKILL at random moments of a process that commits: every acknowledged commit is there afterwards, every other one
/// wholly or not at all. With the kills of `StoreReplayTests` 200; ten times as many: `MILLRACE_SCALE=10`.
@Suite(.serialized) struct StoreKillTests {
    static let kills = TestRun.count(100)

    @Test func nothingAcknowledgedIsLost() async throws {
        let place = try StorePlace()
        var random = TestRun.random("kill")
        do {
            let store = try place.open()
            _ = try Numbers.create(in: store)
            store.close()
        }
        var reached = 0
        for kill in 1...StoreKillTests.kills {
            let directory = place.directory
            let (seed, delay) = (random.next(), 1_000 + random.below(60_000))
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [directory = directory as String, seed = seed as UInt64, delay = delay as Int] in
                try CommittingChild.run(directory, seed: seed, killAfter: delay)
            }
            let acknowledged = try CommittingChild.acknowledged(directory)
            let store = try place.open(CommittingChild.options(seed: seed))
            let present = try Numbers.present(in: store)
            let last = present.last ?? 0
            #expect(present == Array(1..<last + 1), "a gap after kill \(kill); \(TestRun.replay)")
            #expect(
                last >= acknowledged, "kill \(kill): \(acknowledged) acknowledged, \(last) there; \(TestRun.replay)")
            #expect(last >= reached, "kill \(kill): went back from \(reached) to \(last); \(TestRun.replay)")
            reached = last
            store.close()
        }
        #expect(reached > StoreKillTests.kills, "the children committed next to nothing")
    }
}

/// What runs in the process that is killed.
enum CommittingChild {
    static func options(seed: UInt64) -> TableStoreOptions {
        var options = TableStoreOptions()
        var random = SeededRandom(seed: seed)
        let (buffer, file) = (64 << (10 + random.below(4)), 32 << (10 + random.below(4)))
        let (compresses, block) = (random.oneIn(2), 512 << random.below(5))
        options.tuning = { database in
            database.writeBufferBytes = buffer
            database.fileBytes = file
            database.levelBaseBytes = file * 4
            database.compresses = compresses
            database.blockBytes = block
        }
        return options
    }

    /// - Parameters:
    ///   - log: where acknowledgements are noted; outside of the store, and of the volume whose power is cut.
    ///   - cutting: the mount point of an ext4 that is shut down before the process is killed.
    static func run(
        _ directory: String, seed: UInt64, killAfter microseconds: Int, log: String? = nil,
        cutting volume: String? = nil
    ) throws {
        let killer = death(after: microseconds, cutting: volume)
        do {
            try commit(directory, seed: seed, log ?? directory, volume) { killer.start() }
        } catch {
            if volume == nil { throw error }
            // The volume is gone and the kill is near.
            while true { usleep(1_000) }
        }
    }

    /// A thread that ends the process, and before it the volume's power.
    static func death(after microseconds: Int, cutting volume: String?) -> Thread {
        Thread {
            usleep(UInt32(microseconds))
            if let volume {
                // EXT4_IOC_SHUTDOWN without flushing the log: what was not synced is gone.
                var mode: UInt32 = 2
                _ = ioctl(open(volume, O_RDONLY), 0x8004_587D, &mode)
            }
            kill(getpid(), SIGKILL)
        }
    }

    /// Whether the power was still on when a commit had returned. A sync that the shutdown call overtakes may say that
    /// it is done although the kernel dropped it; where the power is really cut nobody lives to hear that.
    static func isOn(_ volume: Int32?) -> Bool { volume.map { fsync($0) == 0 } ?? true }

    private static func commit(
        _ directory: String, seed: UInt64, _ log: String, _ volume: String?, _ opened: () -> Void
    ) throws {
        let power = volume.map { open($0, O_RDONLY) }
        let store = try TableStore.open(
            directory: directory + "/t", options: options(seed: seed), clock: SystemClock())
        let table = try store.require("n", "numbers")
        var n = try Numbers.present(in: store).last ?? 0
        // Outside of the store, and written before the next commit: what was promised.
        let acknowledged = open(log + "/acknowledged", O_WRONLY | O_CREAT, 0o600)
        var random = SeededRandom(seed: seed)
        opened()
        while true {
            n += 1
            let isSynced = !random.oneIn(3)
            try store.commit(try Numbers.commit(n, store, table), synced: isSynced)
            if isSynced, isOn(power) {
                var number = Int64(n).bigEndian
                pwrite(acknowledged, &number, 8, 0)
            }
            if random.oneIn(40) { try store.flush() }
            if random.oneIn(150) { try store.compact() }
        }
    }

    static func acknowledged(_ directory: String) throws -> Int {
        guard let data = FileManager.default.contents(atPath: directory + "/acknowledged"), data.count == 8 else {
            return 0
        }
        return Int(data.withUnsafeBytes { Int64(bigEndian: $0.loadUnaligned(as: Int64.self)) })
    }
}
