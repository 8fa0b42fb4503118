import Foundation
import MillraceCore
import Testing

@Suite struct CoreTypesTests {
    @Test func theLockExcludes() {
        let lock = Lock((inside: 0, total: 0, overlaps: 0))
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            for _ in 0..<5_000 {
                lock.withLock { state in
                    state.inside += 1
                    if state.inside != 1 { state.overlaps += 1 }
                    state.total += 1
                    state.inside -= 1
                }
            }
        }
        #expect(lock.withLock { $0.total } == 40_000)
        #expect(lock.withLock { $0.overlaps } == 0)
    }

    @Test func theLockIsFreeAfterAThrow() {
        struct Broken: Error {}
        let lock = Lock(1)
        #expect(throws: Broken.self) { try lock.withLock { (_) throws(Broken) in throw Broken() } }
        #expect(lock.withLock { $0 } == 1)
    }

    /// The published first outputs of SplitMix64 for this seed.
    @Test func theGeneratorIsSplitMix64() {
        var random = SeededRandom(seed: 1_234_567)
        let expected: [UInt64] = [
            6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ]
        #expect(expected.indices.map { _ in random.next() } == expected)
    }

    @Test func whatAChildDrawsDoesNotChangeItsParent() {
        var (a, b) = (SeededRandom(seed: 5), SeededRandom(seed: 5))
        var child = a.split()
        _ = b.split()
        let drawn = (0..<100).map { _ in child.next() }
        let (mine, others) = ((0..<100).map { _ in a.next() }, (0..<100).map { _ in b.next() })
        #expect(mine == others)
        #expect(Set(drawn).isDisjoint(with: mine))
    }

    @Test func chancesAreAboutRight() {
        var random = SeededRandom(seed: 9)
        let hits = (0..<40_000).count { _ in random.chance(1, in: 4) }
        #expect(abs(hits - 10_000) < 500)
        #expect(!(0..<100).contains { _ in random.chance(0, in: 8) })
        #expect((0..<100).allSatisfy { _ in random.chance(8, in: 8) })
    }

    @Test func aFailureReadsAsOneLine() {
        let failure = Failure(
            .corrupt, "batch checksum differs", advice: "Restore it", place: "clicks/3@17",
            cause: ByteFault(.checksum, at: 4))
        #expect(failure.description == "corrupt: batch checksum differs (clicks/3@17). Restore it [checksum at byte 4]")
        #expect(failure.source.hasPrefix("MillraceCoreTests/CoreTypesTests.swift:"))
        #expect(MemoryLayout<Failure>.size == MemoryLayout<Int>.size)
        if case .corrupt = failure {} else { Issue.record("a code matches a failure in a switch") }
    }

    @Test func aFullDiskIsRetriableAndABrokenOneIsNot() {
        let full = Failure(IOFault(.write, path: "a", errno: ENOSPC), "x")
        let broken = Failure(IOFault(.write, path: "a", errno: EIO), "x")
        #expect(full.code == .diskFull && full.isRetriable)
        #expect(broken.code == .io && !broken.isRetriable)
    }

    @Test func parentsOfPaths() {
        for (path, parent) in [("a/b", "a"), ("/a/b", "/a"), ("/a", "/"), ("a", "."), ("a/", "a")] {
            #expect(String.parent(of: path) == parent)
        }
    }

    @Test func theProcessIsAValue() {
        #expect(HostProcess.system.variable("PATH") != nil)
        #expect(HostProcess.system.variable("MILLRACE_NOT_SET") == nil)
        #expect(HostProcess.system.entropy() != HostProcess.system.entropy())
        let codes = Lock<[Int32]>([])
        let host = HostProcess(
            arguments: ["x"], variable: { _ in nil }, exit: { code in codes.withLock { $0.append(code) } },
            entropy: { 1 })
        host.exit(3)
        #expect(codes.withLock { $0 } == [3])
    }

    @Test func anArmedCrashPointKillsTheProcessAtItsNthHit() async {
        await #expect(processExitsWith: .signal(SIGKILL)) {
            setenv("MILLRACE_CRASH", "roll.renamed:3", 1)
            for _ in 0..<3 {
                PosixStorage().crashPoint("other")
                PosixStorage().crashPoint("roll.renamed")
            }
        }
        await #expect(processExitsWith: .success) {
            setenv("MILLRACE_CRASH", "roll.renamed:3", 1)
            for _ in 0..<2 { PosixStorage().crashPoint("roll.renamed") }
            exit(0)
        }
    }
}
