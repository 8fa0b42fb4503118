import MillraceCore
import Testing

@testable import MillraceEngine

@Suite struct SettingsTests {
    private func failure(_ body: () throws -> Void) -> Failure? {
        do { try body() } catch { return error as? Failure }
        return nil
    }

    @Test func laterLayersWin() throws {
        var code = NodeSettings()
        code.commitInterval = .milliseconds(10)
        var loader = SettingsLoader(code: code)
        #expect(loader.settings.commitInterval == .milliseconds(10))
        try loader.apply(file: "# a comment\ncommit.interval = 20ms # slow disk\nlanes=3\n", named: "node.conf")
        #expect(loader.settings.commitInterval == .milliseconds(20))
        try loader.apply(environment: ["MILLRACE_COMMIT_INTERVAL": "30ms", "HOME": "/x"])
        #expect(loader.settings.commitInterval == .milliseconds(30))
        let rest = try loader.apply(arguments: ["run", "--commit-interval=40ms", "--lanes", "2"], known: [])
        #expect(loader.settings.commitInterval == .milliseconds(40))
        #expect(loader.settings.lanes == 2)
        #expect(rest == ["run"])
    }

    @Test func anUnknownKeyNamesTheNearestKnownOneAndChangesNothing() {
        var loader = SettingsLoader(code: NodeSettings())
        let failure = failure { try loader.apply(file: "lanes = 7\ncomit.interval = 5ms", named: "node.conf") }
        #expect(failure?.code == .invalidArgument)
        #expect(failure?.place == "node.conf:2")
        #expect(failure?.advice.contains("commit.interval") == true)
        #expect(loader.settings.commitInterval == NodeSettings().commitInterval)
    }

    @Test(arguments: [
        "commit.interval = 5", "commit.interval = -5ms", "commit.interval = ms", "lanes = many", "lanes = 257",
        "console.port = 65536", "guard = yes", "state.budget = 12 parsecs", "state.budget = 9999999999GB", "lanes",
        "log.level = loud",
    ])
    func aValueOfTheWrongFormIsRefused(line: String) {
        var loader = SettingsLoader(code: NodeSettings())
        #expect(failure { try loader.apply(file: line, named: "f") }?.code == .invalidArgument)
    }

    @Test func whatIsPrintedCanBeReadBack() throws {
        var code = NodeSettings()
        code.commitInterval = .milliseconds(1_500)
        code.stateBudget = 3 << 20
        code.dataDirectory = "/var/lib/millrace"
        let printed = SettingsLoader(code: code).printed
        var loader = SettingsLoader(code: NodeSettings())
        try loader.apply(file: printed, named: "printed")
        #expect(loader.settings.commitInterval == code.commitInterval)
        #expect(loader.settings.stateBudget == code.stateBudget)
        #expect(loader.settings.dataDirectory == code.dataDirectory)
        #expect(printed.contains("(default)"))
    }
}
