import MillraceCore
import Testing

@testable import MillraceRuntime

@Suite struct GuardStateTests {
    private func at(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }
    private func state() -> GuardState { GuardState(random: SeededRandom(seed: 1)) }

    @Test func `a clean end, a usage error and a foreign owner end the guard with the same code`() {
        for code in [ProcessExit.success, ProcessExit.usage, ProcessExit.inUse] {
            var s = state()
            guard case .end(code) = s.died(.exited(code), isBlamed: false, startedAt: at(0), now: at(1)) else {
                Issue.record("code \(code) restarts")
                continue
            }
        }
    }

    @Test func `six deaths in a minute that nobody is blamed for are too many`() {
        var s = state()
        for n in 0..<5 {
            guard case .restart = s.died(.signalled(9), isBlamed: false, startedAt: at(Int64(n)), now: at(Int64(n)))
            else { Issue.record("gave up at \(n)"); return }
        }
        guard case .giveUp(let failure) = s.died(.hung, isBlamed: false, startedAt: at(6), now: at(6)) else {
            Issue.record("goes on"); return
        }
        #expect(failure.code == .restartIntensity && failure.isFatal)
    }

    @Test func `deaths on a known record do not use up the intensity and wait shortly`() {
        var s = state()
        for n in 0..<50 {
            guard
                case .restart(let span) = s.died(
                    .signalled(4), isBlamed: true, startedAt: at(Int64(n)), now: at(Int64(n)))
            else { Issue.record("gave up at \(n)"); return }
            #expect(span <= .milliseconds(240))
        }
    }

    @Test func `after a termination nothing is started again`() {
        var s = state()
        s.terminate()
        guard case .end(137) = s.died(.signalled(9), isBlamed: false, startedAt: at(0), now: at(1)) else {
            Issue.record("restarted"); return
        }
    }
}

@Suite struct BlameLedgerTests {
    private func place(_ from: Int64, _ through: Int64, _ pipeline: String = "p", trapped: Bool = true) -> (
        range: BlamedRange, trapped: Bool
    ) {
        (BlamedRange(pipeline: pipeline, stage: 0, partition: 1, from: from, through: through), trapped)
    }

    @Test func `a batch is suspect after one death, and the record in it condemned after the second`() {
        var ledger = BlameLedger()
        _ = ledger.died(in: [place(100, 199)])
        #expect(ledger.condemned.isEmpty && ledger.suspects.count == 1)
        _ = ledger.died(in: [place(137, 137)])
        #expect(ledger.condemned.map(\.from) == [137])
        #expect(ledger.condemned.map(\.deaths) == [2])
        #expect(ledger.isCondemned(pipeline: "p", stage: 0, partition: 1, offset: 137))
        #expect(!ledger.isCondemned(pipeline: "p", stage: 0, partition: 2, offset: 137))
        #expect(!ledger.isCondemned(pipeline: "p", stage: 0, partition: 1, offset: 138))
    }

    @Test func `who did not trap is not blamed when somebody did`() {
        var ledger = BlameLedger()
        for _ in 0..<5 { _ = ledger.died(in: [place(1, 1), place(7, 7, "innocent", trapped: false)]) }
        #expect(ledger.condemned.map(\.pipeline) == ["p"])
        #expect(!ledger.suspects.contains { $0.pipeline == "innocent" })
    }

    @Test func `killed from outside, all are suspect but condemned only after twice as many deaths`() {
        var ledger = BlameLedger()
        for n in 1...4 {
            let isCertain = ledger.died(in: [place(1, 1, trapped: false), place(7, 7, "q", trapped: false)])
            #expect(!isCertain)
            #expect(ledger.condemned.isEmpty == (n < 4))
        }
        var alone = BlameLedger()
        _ = alone.died(in: [place(1, 1, trapped: false)])
        _ = alone.died(in: [place(1, 1, trapped: false)])
        #expect(alone.condemned.count == 1)
    }

    @Test func `the ledger is bounded`() {
        var ledger = BlameLedger()
        for n in 0..<Int64(Limits.blamedRecords + 5) { _ = ledger.died(in: [place(n * 10, n * 10 + 1)]) }
        #expect(ledger.suspects.count == Limits.blamedRecords)
        #expect(ledger.suspects.first?.from == 50)
    }

    @Test func `the ledger comes back from its bytes, and any damage is noticed`() throws {
        var ledger = BlameLedger()
        _ = ledger.died(in: [place(1, 99), place(3, 3, "größer")])
        _ = ledger.died(in: [place(7, 7)])
        let bytes = ledger.encoded
        #expect(try BlameLedger(decoding: bytes) == ledger)
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x10
            #expect(throws: Failure.self, "byte \(index)") { try BlameLedger(decoding: damaged) }
            #expect(throws: Failure.self, "length \(index)") { try BlameLedger(decoding: Array(bytes.prefix(index))) }
        }
    }
}
