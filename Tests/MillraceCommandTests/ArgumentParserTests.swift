import MillraceCore
import Testing

@testable import MillraceCommand

@Suite struct ArgumentParserTests {
    static let root = Verb(
        name: "millrace", summary: "",
        verbs: [
            Verb(
                name: "log", summary: "",
                verbs: [
                    Verb(
                        name: "read", summary: "", arguments: [.init(name: "TOPIC", help: "")],
                        options: [.flag("follow", "f", ""), .value("from", "OFFSET", "")],
                        action: .blocking { _ in }),
                    Verb(
                        name: "delete", summary: "", arguments: [.init(name: "TOPIC", help: "", count: .many)],
                        action: .blocking { _ in }),
                ])
        ])

    struct Ran: Equatable {
        var path: [String]
        var arguments: [String]
        var options: [String: [String]] = [:]
    }
    func parse(_ line: String) throws -> Ran? {
        let words = line.split(separator: " ").map(String.init)
        guard case .run(let path, _, let arguments, let options) = try ArgumentParser(root: Self.root).parse(words)
        else { return nil }
        return Ran(path: path, arguments: arguments, options: options)
    }

    @Test func findsVerbsArgumentsAndOptions() throws {
        #expect(try parse("log read clicks") == Ran(path: ["log", "read"], arguments: ["clicks"]))
        let all = Ran(
            path: ["log", "read"], arguments: ["c"], options: ["follow": [""], "from": ["-5"], "json": [""]])
        #expect(try parse("log read -f c --from -5 --json") == all)
        #expect(try parse("--json log read --follow --from=-5 c") == all)
        #expect(try parse("log delete -- --x -") == Ran(path: ["log", "delete"], arguments: ["--x", "-"]))
        #expect(try parse("log delete") == Ran(path: ["log", "delete"], arguments: []))
    }

    @Test func helpIsAskedInManyWays() throws {
        let parser = ArgumentParser(root: Self.root)
        for words in [
            ["help", "log", "read"], ["log", "read", "--help"], ["log", "read", "x", "-h"], ["log", "help", "read"],
        ] {
            guard case .help(let path, _) = try parser.parse(words) else {
                Issue.record("\(words) is not help")
                continue
            }
            #expect(path == ["log", "read"])
        }
        for words in [[], ["help"], ["--help"]] {
            guard case .help(let path, _) = try parser.parse(words) else {
                Issue.record("\(words) is not help")
                continue
            }
            #expect(path.isEmpty)
        }
    }

    @Test(arguments: [
        ("lgo read x", "Did you mean 'millrace log'?"), ("log raed x", "Did you mean 'millrace log read'?"),
        ("log read x --folow", "Did you mean --follow?"), ("log read x --follow-on", "Did you mean --follow?"),
        ("log read", "Write: millrace log read TOPIC"),
        ("log read a b", "Write: millrace log read TOPIC"), ("log read a --from", "Write --from OFFSET"),
        ("log read a --follow=1", "Write it without '='"), ("log xyzzyx", "See 'millrace log --help'"),
    ]) func refusalsSayWhatToDo(_ line: String, _ advice: String) throws {
        let failure = #expect(throws: Failure.self) { try parse(line) }
        #expect(failure?.code == .usage)
        #expect(failure?.advice == advice)
    }
}
