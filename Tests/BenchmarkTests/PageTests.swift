import BenchmarkReport
import MillraceCore
import Testing

/// The page of charts, and the file it is made from.
@Suite struct PageTests {
    /// One line of each kind, as scripts write them.
    private static let file = """
        {"kind":"machine","processor":"A <fast> & \\"small\\" one","cores":2,"memoryBytes":25769803776,\
        "system":"Debian 12","swift":"6.3.1","commit":"abc1234","date":"2026-11-28"}
        {"kind":"peer","work":"Yahoo","who":"Millrace","isOurs":true,"units":1000,\
        "cpuNanoseconds":[190,200,210],"steadyNanoseconds":180.5,"wallSeconds":1,"startSeconds":0.5,"peakBytes":1048576}
        {"kind":"peer","work":"Yahoo","who":"Flink 2.3.0","isOurs":false,"units":1000,"goal":8,\
        "cpuNanoseconds":[1000,1100,1200],"steadyNanoseconds":800,"wallSeconds":1,"startSeconds":2,\
        "peakBytes":104857600}
        {"kind":"peer","work":"Yahoo","who":"Wrong","isOurs":false,"units":1000,"error":"a different answer"}
        {"kind":"peer","work":"Nexmark q0","who":"Millrace","isOurs":true,"units":1000,"cpuNanoseconds":[1,2,3],\
        "wallSeconds":1,"startSeconds":0,"peakBytes":1}
        {"kind":"peer","work":"Nexmark q1","who":"Millrace","isOurs":true,"units":1000,"cpuNanoseconds":[1,2,3],\
        "wallSeconds":1,"startSeconds":0,"peakBytes":1}
        {"kind":"figure","area":"A node","name":"start","value":0.25,"unit":"s","goal":"≤ 0.3 s","holds":true}
        {"kind":"figure","area":"A node","name":"no goal","value":3,"unit":"s"}
        {"kind":"point","chart":"Throughput by keys","series":"window","x":1000,"y":64000000,"xUnit":"keys",\
        "yUnit":"records/s"}
        {"kind":"point","chart":"Throughput by keys","series":"window","x":10000000,"y":5000000,\
        "xUnit":"keys","yUnit":"records/s"}

        """

    private static func lines() throws -> [ResultLine] {
        let storage = PosixStorage()
        let path = "/tmp/millrace-page-test-\(UInt64.random(in: 0..<UInt64.max)).ndjson"
        defer { try? storage.unlink(path) }
        var workload = ReportTests.measurement(
            "flow.fused", cpu: [0.5, 0.6, 0.7], ratio: [0.9, 1, 1.3], goal: "≤ 1.2×")
        workload.extra = [.init(name: "p99 ms", value: 4)]
        try storage.replace(path, with: Array((file + ResultLine.text([workload])).utf8))
        return try ResultLine.read(path, from: storage)
    }

    @Test func everyKindOfLineIsReadAsItWasWritten() throws {
        let lines = try Self.lines()
        #expect(lines.count == 11)
        let workload = try #require(lines.workloads.first)
        #expect(workload.name == "flow.fused" && workload.goalText == "≤ 1.2×" && workload.runs == 3)
        #expect(workload.cpuNanoseconds == Spread([0.5, 0.6, 0.7]) && workload.control?.cpuRatio?.greatest == 1.3)
        #expect(workload.extra.map(\.name) == ["p99 ms"] && workload.hash == "ab")
    }

    @Test func aFileThatIsNoneIsRefusedWithItsLine() throws {
        let storage = PosixStorage()
        let path = "/tmp/millrace-page-test-\(UInt64.random(in: 0..<UInt64.max)).ndjson"
        defer { try? storage.unlink(path) }
        try storage.replace(path, with: Array((Self.file + "{\"kind\":\"nonsense\"}\n").utf8))
        #expect { try ResultLine.read(path, from: storage) } throws: { "\($0)".contains("line 11") }
        #expect { try ResultLine.read(path + "-none", from: storage) } throws: { "\($0)".contains("no file") }
    }

    /// No reader of HTML here: tags that open must close in order, and nothing may be fetched.
    @Test func thePageIsWholeAndNeedsNothingElse() throws {
        let page = Page.of(try Self.lines())
        #expect(page.hasPrefix("<!doctype html>"))
        for part in ["http:", "https:", "<script", "url(", "<link", "@import"] {
            #expect(!page.contains(part), "\(part)")
        }
        #expect(page.contains("prefers-color-scheme: dark"))
        #expect(page.contains("A &lt;fast&gt; &amp; &quot;small&quot; one") && !page.contains("<fast>"))
        var open: [Substring] = []
        for piece in page.split(separator: "<").dropFirst() {
            let tag = piece.prefix { $0 != ">" && $0 != " " && $0 != "\n" }
            let isWhole = piece.prefix { $0 != ">" }.hasSuffix("/") || tag.hasPrefix("!") || tag == "meta"
            if tag.hasPrefix("/") {
                #expect(open.last == tag.dropFirst())
                _ = open.popLast()
            } else if !isWhole {
                open.append(tag)
            }
        }
        #expect(open == [])
    }

    @Test func thePageShowsEveryFigure() throws {
        let page = Page.of(try Self.lines())
        // 180.5 ns is 5.54 M records a second, 200 ns is 5 M; eight times Flink's 1.25 M is the goal.
        for text in [
            "5.54 M", "5 M", "1.25 M", "a different answer", "0.25 s", "✓ ≤ 0.3 s", "Throughput by keys", "1× loop",
            "Nexmark: records per CPU-second", "class=\"goal\"",
        ] { #expect(page.contains(text), "\(text)") }
        // A point that is no number would break the drawing without a word.
        #expect(!page.contains("nan") && !page.contains("inf\""))
        let markdown = MarkdownReport.of(try Self.lines())
        for text in ["| Flink 2.3.0 |", "5.54 M", "| start | 0.25 s | ✓ ≤ 0.3 s |", "flow.fused"] {
            #expect(markdown.contains(text), "\(text)")
        }
    }
}
