import MillraceCore
import Testing

@testable import MillraceRuntime

/// The rules about children that do not get on, named by rule.
@Suite struct StuckChildRuleTests {
    private let second = TimeSpan.seconds(1)

    @Test func `a stuck child that nobody believes in any more escalates once it has ended`() {
        var s = SupervisorDriver(.oneForOne, "ab")
        s.send(.restart("a", Failure(.timedOut, "no progress, again"), .escalate))
        s.pass(second)
        #expect(s.takeLog() == "-a-b")
        #expect(s.isEnded && s.failure?.code == .timedOut)
    }

    @Test func `a stuck child that does not end is abandoned before it escalates`() {
        var s = SupervisorDriver(.oneForOne, "ab")
        s.stubborn = ["a"]
        s.send(.restart("a", Failure(.timedOut, "no progress, again"), .escalate))
        s.pass(Limits.childShutdown + second)
        #expect(s.takeLog() == "-a!a-b")
        #expect(s.isEnded && s.failure?.code == .timedOut)
    }
}
