import Foundation
import MillraceCore
import Testing

@Suite struct LoggerTests {
    private final class Lines: LogSink {
        let lines = Lock<[String]>([])
        func write(_ line: [UInt8], level: LogLevel) {
            lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
        }
        var all: [String] { lines.withLock { $0 } }
    }
    private let sink = Lines()
    private let clock = SimulatedClock()

    @Test func oneLineOfKeysAndValues() {
        let logger = Logger(sink: sink, clock: clock)
        logger.info("segment-rolled", ["topic": "clicks", "bytes": 1_024, "full": true, "share": 0.5, "note": "a b"])
        #expect(
            sink.all == [
                "time=2026-01-01T00:00:00Z level=info event=segment-rolled topic=clicks bytes=1024 full=true "
                    + "share=0.5 note=\"a b\""
            ])
    }

    @Test func linesBelowTheLevelAreNotEvenMade() {
        let logger = Logger(sink: sink, clock: clock, level: .warning)
        func unwanted() -> LogValue {
            Issue.record("evaluated")
            return ""
        }
        logger.info("a", ["x": unwanted()])
        logger.debug("b")
        logger.warning("c")
        logger.error("d")
        #expect(sink.all.map { $0.split(separator: " ")[2] } == ["event=c", "event=d"])
    }

    @Test func usersBytesCannotBreakTheLine() {
        let logger = Logger(sink: sink, clock: clock)
        let evil = "x\nlevel=error \u{1B}[31m\"\\\u{7F}\u{202E}\u{0}ä😀"
        logger.info("got", ["text": .text(evil), "bytes": .bytes([0x41, 0xFF, 0xC3, 0x28, 0x0A]), "empty": ""])
        let line = sink.all[0]
        #expect(
            line.hasSuffix(
                #"text="x\x0alevel=error \x1b[31m\"\\\x7f\xe2\x80\xae\x00ä😀" bytes="A\xff\xc3(\x0a" empty="""#))
        #expect(!line.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F })
    }

    @Test func anyBytesGiveOneBoundedLineOfValidText() {
        for seed in UInt64(1)...300 {
            var random = SeededRandom(seed: seed)
            let bytes = (0..<Int.random(in: 0..<6_000, using: &random)).map { _ in
                UInt8(truncatingIfNeeded: random.next())
            }
            let line = LogLine(time: .seconds(0), level: .info, event: "e", fields: ["a": .bytes(bytes), "b": 1])
                .rendered()
            #expect(line.count <= Limits.logLineBytes)
            #expect(!line.contains { $0 < 0x20 || $0 == 0x7F })
            #expect(String(validating: line, as: UTF8.self) != nil, "seed \(seed)")
        }
    }

    @Test func repeatedCausesAreHeldBackAndCounted() {
        let logger = Logger(sink: sink, clock: clock)
        for _ in 0..<100 { logger.warning("slow-disk") }
        logger.warning("other")
        #expect(sink.all.count == Limits.logBurst + 1)
        clock.advance(by: Limits.logPeriod)
        logger.warning("slow-disk")
        #expect(sink.all.last?.hasSuffix("event=slow-disk suppressed=\(100 - Limits.logBurst)") == true)
        logger.warning("slow-disk")
        #expect(sink.all.last?.hasSuffix("event=slow-disk") == true)
    }

    @Test func aFailureIsLoggedWithAllItKnows() {
        let logger = Logger(sink: sink, clock: clock)
        let fault = IOFault(.sync, path: "/data/a", errno: EIO)
        logger.error("append-failed", Failure(fault, "The segment could not be synced", place: "clicks/0"))
        let line = sink.all[0]
        for part in [
            "code=io", "message=\"The segment could not be synced\"", "place=clicks/0", "advice=\"Check the volume",
            "cause=\"sync /data/a: Input/output error (errno 5)\"", "retriable=false",
            "source=MillraceCoreTests/LoggerTests.swift:",
        ] {
            #expect(line.contains(part), "\(part) in \(line)")
        }
    }

    @Test func theRealSinkWritesWholeLinesAndSurvivesAClosedDescriptor() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let sink = StandardErrorSink(descriptor: ends[1])
        sink.write(Array("one".utf8), level: .info)
        sink.write(Array("two".utf8), level: .info)
        close(ends[1])
        var bytes = [UInt8](repeating: 0, count: 100)
        let count = read(ends[0], &bytes, 100)
        #expect(String(decoding: bytes.prefix(count), as: UTF8.self) == "one\ntwo\n")
        close(ends[0])
        StandardErrorSink(descriptor: -1).write(Array("lost".utf8), level: .info)
    }
}
