import Foundation
import MillraceCore
import Testing

@testable import MillraceCommand

/// The verbs for tables, run as a process.
@Suite struct TableToolTests {
    static let columns = "page text, at timestamp, n bigint, tags set<text>, title text static, PRIMARY KEY (page, at)"

    @Test func aTableLivesFromCreateToDrop() throws {
        let tool = try ToolRun()
        try tool.run(words: ["table", "create", "site.views", Self.columns, "--order", "at desc"])
        try tool.run(words: ["table", "create", "site.views", Self.columns], expecting: 1)
        try tool.run(words: ["table", "create", "site.views", Self.columns, "--if-missing"])
        #expect(try tool.run("table list").lines.map { $0["table"] as? String } == ["views"])
        let described = try #require(try tool.run("table describe site.views").lines.first)
        #expect(
            (described["columns"] as? [[String: Any]])?.map { $0["name"] as? String } == [
                "page", "at", "title", "n", "tags",
            ])
        try tool.run(words: [
            "table", "put", "views", #"{"page":"/","at":1000,"n":1,"tags":["b","a"]}"#,
            #"{"page":"/","at":2000,"n":2}"#,
            #"{"page":"/","title":"Home"}"#,
        ])
        let rows = try tool.run("table get views /").lines
        #expect(rows.map { $0["n"] as? Int } == [2, 1])
        #expect(rows.map { $0["title"] as? String } == ["Home", "Home"])
        #expect(rows[1]["tags"] as? [String] == ["a", "b"])
        #expect(try tool.run("table get views / --reverse --limit 1").lines.map { $0["n"] as? Int } == [1])
        #expect(try tool.run("table get views / 1970-01-01T00:00:01Z --columns n").out == "{\"n\":1}\n")
        try tool.run("table get views /nope", expecting: 4)
        try tool.run("table get nope x", expecting: 4)
        try tool.run("table get views", expecting: 2)
        try tool.run("table get views / yesterday", expecting: 2)
        try tool.run("table delete views / 2000 --columns n")
        #expect(try tool.run("table get views / 2000").lines.first?["n"] is NSNull)
        try tool.run("table delete views / 2000")
        #expect(try tool.run("table scan views").lines.count == 1)
        try tool.run("table delete views /", expecting: 2)
        try tool.run("table delete views / --yes")
        #expect(try tool.run("table scan views").out.isEmpty)
        try tool.run("table drop views", expecting: 2)
        try tool.run("table drop views --yes")
        #expect(try tool.run("table list").out.isEmpty)
    }

    @Test func whatIsExportedCanBeImported() throws {
        let tool = try ToolRun()
        try tool.run(words: ["table", "create", "site.views", Self.columns, "--order", "at desc"])
        let input = (0..<500).map {
            "{\"page\":\"p, \\\"\($0 % 7)\\\"\",\"at\":\($0),\"n\":\($0 * $0),\"tags\":[\"é\",\"x\\ny\"]}"
        }
        try tool.run("table import site.views --batch 100", input: input.joined(separator: "\n"))
        let json = try tool.run("table export site.views").out
        let csv = try tool.run("table export site.views --csv").out
        #expect(json.split(separator: "\n").count == 500)
        for (name, text, option) in [("a", json, ""), ("b", csv, " --csv")] {
            try tool.run(words: ["table", "create", "site.\(name)", Self.columns, "--order", "at desc"])
            try tool.run("table import site.\(name)" + option, input: text)
            #expect(try tool.run("table export site.\(name)").out == json)
        }
        try tool.run("table snapshot kept")
        try tool.run("table verify")
        try tool.run("--data other table restore kept")
        #expect(try tool.run("--data other table export site.views").out == json)
        try tool.run("--data other table restore kept", expecting: 1)
        try tool.run("--data third table restore nowhere", expecting: 4)
    }

    @Test func columnsComeAndGo() throws {
        let tool = try ToolRun()
        try tool.run(words: ["table", "create", "site.views", Self.columns, "--order", "at desc"])
        try tool.run(words: ["table", "put", "views", #"{"page":"/","at":1000,"n":1,"tags":["a"]}"#])
        try tool.run(words: [
            "table", "alter", "views", "--add", "marks map<text, int>", "--add", "kind text static", "--drop", "tags",
            "--rename", "at=time", "--ttl", "1h",
        ])
        let described = try #require(try tool.run("table describe views").lines.first)
        #expect(
            (described["columns"] as? [[String: Any]])?.map { $0["name"] as? String } == [
                "page", "time", "title", "kind", "n", "marks",
            ])
        #expect(described["defaultTTL"] as? Int == 3_600)
        try tool.run(words: ["table", "put", "views", #"{"page":"/","time":2000,"marks":{"x":1},"kind":"k"}"#])
        let rows = try tool.run("table get views /").lines
        #expect(rows.map { $0["n"] as? Int } == [nil, 1] && rows.allSatisfy { $0["kind"] as? String == "k" })
        // What was dropped is gone, also under its old name.
        try tool.run(words: ["table", "alter", "views", "--add", "tags set<text>"])
        #expect(try tool.run("table get views / 1000 --columns tags").lines.first?["tags"] is NSNull)
        for wrong in [["--drop", "page"], ["--drop", "nope"], ["--rename", "n=m"], ["--add", "n int"]] {
            try tool.run(words: ["table", "alter", "views"] + wrong, expecting: wrong[1] == "nope" ? 4 : 1)
        }
        for wrong in [[], ["--add", "x"], ["--rename", "page"]] {
            try tool.run(words: ["table", "alter", "views"] + wrong, expecting: 2)
        }
        #expect(try tool.run("table describe views").lines.first?["revision"] as? Int != nil)
    }

    /// A time to live is in whole seconds: a part of one was taken for none, so that the row stayed for ever.
    @Test func aWrongSpanChangesNothing() throws {
        let tool = try ToolRun()
        for wrong in [["--ttl", "1ms"], ["--ttl", "1500ms"], ["--ttl", "9000d"], ["--grace", "x"]] {
            try tool.run(words: ["table", "create", "site.t", "k int primary key, v int"] + wrong, expecting: 2)
        }
        try tool.run("table list", expecting: 4)
        try tool.run(words: ["table", "create", "site.t", "k int primary key, v int", "--ttl", "90s"])
        for ttl in ["1ms", "1500ms", "9000d"] {
            try tool.run(words: ["table", "put", "t", #"{"k":1,"v":1}"#, "--ttl", ttl], expecting: 2)
            try tool.run("table import t --ttl " + ttl, input: #"{"k":1,"v":1}"#, expecting: 2)
            try tool.run("table alter t --ttl " + ttl, expecting: 2)
        }
        #expect(try tool.run("table scan t").out.isEmpty)
        #expect(try tool.run("table describe t").lines.first?["defaultTTL"] as? Int == 90)
        try tool.run(words: ["table", "put", "t", #"{"k":1,"v":1}"#, "--ttl", "1h"])
        let left = try #require(try tool.run("table get t 1 --times").lines.first?["ttl(v)"] as? Int)
        #expect((3_000...3_600).contains(left))
    }

    @Test func tokensSnapshotsAndOtherOwners() throws {
        let tool = try ToolRun()
        try tool.run(words: ["table", "create", "site.t", "k int primary key, v int"])
        let rows = (0..<100).map { "{\"k\":\($0),\"v\":\($0)}" }.joined(separator: "\n")
        try tool.run("table import site.t", input: rows)
        func keys(_ line: String) throws -> [Int] { try tool.run(line).lines.compactMap { $0["k"] as? Int } }
        let all = try keys("table scan t")
        #expect(all.count == 100)
        // Two halves of the tokens hold every partition once, in one order.
        let halves = try keys("table scan t --to-token -1") + keys("table scan t --from-token 0")
        #expect(halves == all)
        // 1 has this token in Cassandra.
        #expect(try keys("table scan t --from-token -4069959284402364209 --to-token -4069959284402364209") == [1])
        try tool.run("table scan t --from-token 1 --to-token 0", expecting: 2)
        try tool.run("table snapshot kept")
        try tool.run(words: ["table", "put", "t", #"{"k":1,"v":-1}"#])
        #expect(try tool.run("table get t 1").lines.first?["v"] as? Int == -1)
        #expect(try tool.run("table get t 1 --snapshot kept").lines.first?["v"] as? Int == 1)
        #expect(try keys("table export t --snapshot kept").count == 100)
        try tool.run("table scan t --snapshot nowhere", expecting: 4)

        // Another process that owns the tables: an import that waits for more.
        let other = try ToolRun.Running(tool, "table import site.t --batch 1")
        try other.say("{\"k\":1000,\"v\":7}\n")
        // Only when it has the directory do we look, else it would find us in its way.
        let lock = open(tool.home.path + "/.millrace/lock", O_RDWR)
        for _ in 0..<3_000 where flock(lock, LOCK_EX | LOCK_NB) == 0 {
            flock(lock, LOCK_UN)
            usleep(10_000)
        }
        var seen = 0
        for _ in 0..<300 where seen == 0 {
            usleep(20_000)
            seen = try tool.run("table scan t").lines.filter { $0["k"] as? Int == 1_000 }.count
        }
        #expect(seen == 1)
        #expect(try tool.run("table list").lines.count == 1)
        let refused = try tool.run(words: ["table", "put", "t", #"{"k":2,"v":2}"#], expecting: 5)
        #expect(refused.error.contains("another process") && refused.error.contains("work beside it"))
        try other.input.fileHandleForWriting.close()
        other.process.waitUntilExit()
        try tool.run(words: ["table", "put", "t", #"{"k":2,"v":2}"#])
    }

    @Test func badInputIsNamedByItsPlace() throws {
        let tool = try ToolRun()
        try tool.run(words: ["table", "create", "site.views", Self.columns])
        let good = "{\"page\":\"/\",\"at\":1,\"n\":1}\n"
        let cases: [(input: String, option: String, says: String)] = [
            (good + "{\"page\":\"/\",\"at\":\"nope\"}", "", "line 2, column 18"),
            (good + "{\"page\":\"/\"}", "", "line 2"),
            (good + "[1]", "", "line 2, column 1"),
            ("page,at,n\n/,1,2\n/,2,x\n", " --csv", "line 3, column 5"),
            ("page,at,m\n", " --csv", "line 1, column 9"),
            ("page,at\n/,1,2\n", " --csv", "line 2"),
        ]
        for (input, option, says) in cases {
            let outcome = try tool.run("table import site.views" + option, input: input, expecting: 1)
            #expect(outcome.error.contains(says), "\(outcome.error)")
        }
        #expect(try tool.run("table scan site.views").out.isEmpty, "a batch with a bad row must not be written")
        try tool.run("table import site.views --check", input: good)
        #expect(try tool.run("table scan site.views").out.isEmpty)
        let counters = "k int primary key, n counter"
        try tool.run(words: ["table", "create", "site.counts", counters])
        for n in [5, -2] { try tool.run(words: ["table", "put", "site.counts", "{\"k\":1,\"n\":\(n)}"]) }
        #expect(try tool.run("table get site.counts 1").lines.first?["n"] as? Int == 3)
    }
}
