import Foundation
import MillraceCore
import Testing

@testable import MillraceTables

#if canImport(Glibc)
    import Glibc
#endif

/// Power cuts on a real ext4: its shutdown call drops every page that was not synced.
@Suite(.serialized) struct StorePowerCutTests {
    static let cuts = TestRun.count(10)

    /// Whether loop devices can be had.
    static let canMount: Bool = {
        guard let base = makeVolume() else { return false }
        try? FileManager.default.removeItem(atPath: base)
        return true
    }()

    /// A small ext4 of its own.
    static func makeVolume() -> String? {
        guard geteuid() == 0 else { return nil }
        let base = FileManager.default.temporaryDirectory.path + "/millrace-power-" + UUID().uuidString
        do {
            try FileManager.default.createDirectory(atPath: base + "/mount", withIntermediateDirectories: true)
            try Shell.run("/usr/bin/truncate", "-s", "128M", base + "/image")
            try Shell.run("/sbin/mkfs.ext4", "-q", "-O", "^metadata_csum", base + "/image")
            try Shell.run("/bin/mount", "-o", "loop", base + "/image", base + "/mount")
            try Shell.run("/bin/umount", base + "/mount")
            return base
        } catch {
            try? FileManager.default.removeItem(atPath: base)
            return nil
        }
    }

    @Test(.enabled(if: canMount, "needs root and loop devices to cut the power of a volume"))
    func whatWasAcknowledgedIsThereWhenThePowerComesBack() async throws {
        let base = try #require(Self.makeVolume())
        defer { try? FileManager.default.removeItem(atPath: base) }
        var random = TestRun.random("power")
        try Shell.run("/bin/mount", "-o", "loop", base + "/image", base + "/mount")
        do {
            let store = try TableStore.open(directory: base + "/mount/t", clock: SystemClock())
            _ = try Numbers.create(in: store)
            store.close()
        }
        var reached = 0
        for cut in 1...Self.cuts {
            let (seed, delay) = (random.next(), 2_000 + random.below(150_000))
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [base = base as String, seed = seed as UInt64, delay = delay as Int] in
                try CommittingChild.run(
                    base + "/mount", seed: seed, killAfter: delay, log: base, cutting: base + "/mount")
            }
            try Shell.run("/bin/umount", base + "/mount")
            try Shell.run("/bin/mount", "-o", "loop", base + "/image", base + "/mount")
            let acknowledged = try CommittingChild.acknowledged(base)
            let store = try TableStore.open(
                directory: base + "/mount/t", options: CommittingChild.options(seed: seed), clock: SystemClock())
            let last = try Numbers.present(in: store).last ?? 0
            #expect(last >= acknowledged, "cut \(cut): \(acknowledged) acknowledged, \(last) there; \(TestRun.replay)")
            #expect(try Numbers.present(in: store) == Array(1..<last + 1), "a gap; \(TestRun.replay)")
            reached = last
            store.close()
        }
        try Shell.run("/bin/umount", base + "/mount")
        #expect(reached > Self.cuts)
    }
}
