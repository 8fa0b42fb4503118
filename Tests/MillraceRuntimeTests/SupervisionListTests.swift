import MillraceCore
import Testing

@testable import MillraceRuntime

/// The list of what can go wrong under a supervisor, one by one: whenever a child throws, the record in its hands is
/// taken up again, and its effect is there once. (A trap, a child that never ends and ten thousand at once have tests
/// elsewhere: `ProcessGuardTests`, `SupervisorTests`, `SupervisionRuleTests`.)
@Suite struct SupervisionListTests {
    private struct Refusal: Error {}

    /// Twenty records and what came of them. An effect and the position move together, as in a commit.
    private final class Work: Sendable {
        struct State {
            var effects: [Int] = []
            var attempts: [Int: Int] = [:]
            var starts = 0
        }
        static let count = 20
        private let state = Lock(State())
        /// Whether an attempt at a record throws: its number, and which try it is, from 1.
        private let fails: @Sendable (_ record: Int, _ attempt: Int) -> Bool
        private let failsToStart: @Sendable (_ start: Int) -> Bool

        init(fails: @escaping @Sendable (Int, Int) -> Bool = { _, _ in false }) {
            (failsToStart, self.fails) = ({ _ in false }, fails)
        }
        init(failsToStart: @escaping @Sendable (Int) -> Bool) {
            (self.failsToStart, fails) = (failsToStart, { _, _ in false })
        }

        func run(_ context: ChildContext) throws {
            let start = state.withLock { state in
                state.starts += 1
                return state.starts
            }
            if failsToStart(start) { throw Refusal() }
            while let record = next() {
                let attempt = state.withLock { state in
                    state.attempts[record, default: 0] += 1
                    return state.attempts[record] ?? 0
                }
                if fails(record, attempt) { throw Refusal() }
                state.withLock { $0.effects.append(record) }
            }
        }
        private func next() -> Int? { state.withLock { $0.effects.count < Self.count ? $0.effects.count : nil } }
        var effects: [Int] { state.withLock { $0.effects } }
        var starts: Int { state.withLock { $0.starts } }
    }

    private static let all = Array(0..<Work.count)
    private static var patient: RestartPolicy {
        RestartPolicy(intensity: nil, backoff: Backoff(first: .milliseconds(1), last: .milliseconds(2)))
    }

    private func supervisor(givingUp: GivingUp = .escalate) -> Supervisor {
        Supervisor(
            "list", .init(givingUp: givingUp, endsWhenDone: true), clock: SystemClock(), random: SeededRandom(seed: 3))
    }

    /// Runs the work to its end and returns how often it was started.
    private func starts(_ work: Work) async throws -> Int {
        let supervisor = supervisor()
        try supervisor.add(Child("worker", restart: .transient, policy: Self.patient) { try work.run($0) })
        try await supervisor.run()
        #expect(work.effects == Self.all)
        return work.starts
    }

    @Test func `it throws on the first message`() async throws {
        #expect(try await starts(Work { record, attempt in record == 0 && attempt == 1 }) == 2)
    }

    @Test func `it throws on every message, once`() async throws {
        #expect(try await starts(Work { _, attempt in attempt == 1 }) == Work.count + 1)
    }

    @Test func `it throws on every seventh message, twice`() async throws {
        #expect(try await starts(Work { record, attempt in record % 7 == 6 && attempt <= 2 }) == 2 * 2 + 1)
    }

    @Test func `it throws at its start, three times`() async throws {
        #expect(try await starts(Work(failsToStart: { $0 <= 3 })) == 4)
    }

    @Test func `it throws on one message for ever, and is given up after exactly its restarts`() async throws {
        let work = Work { record, _ in record == 5 }
        let supervisor = supervisor(givingUp: .leaveFailed)
        let policy = RestartPolicy(backoff: Backoff(first: .milliseconds(1), last: .milliseconds(1)))
        try supervisor.add(Child("worker", restart: .transient, policy: policy) { try work.run($0) })
        let other = Work()
        try supervisor.add(Child("other", restart: .transient, policy: policy) { try other.run($0) })
        await #expect(throws: Failure.self) { try await supervisor.run() }
        #expect(work.starts == Limits.restartIntensity + 1)
        #expect(work.effects == Array(0..<5))
        #expect(other.effects == Self.all && other.starts == 1)
    }

    @Test func `it throws while it is being stopped, and that is no restart`() async throws {
        let supervisor = supervisor()
        let (isRunning, starts) = (Once<Void>(), Lock(0))
        try supervisor.add(
            Child("worker", policy: Self.patient) { _ in
                starts.withLock { $0 += 1 }
                isRunning.resume(returning: ())
                // Ends by throwing something of its own.
                do { try await SystemClock().sleep(for: .seconds(600)) } catch { throw Refusal() }
            })
        async let running: Void = supervisor.run()
        await isRunning.value
        supervisor.stop()
        try await running
        #expect(starts.withLock { $0 } == 1)
    }

    @Test func `it throws while it is being restarted with its group, and starts once`() async throws {
        let supervisor = Supervisor(
            "group", .init(strategy: .oneForAll, groupPolicy: Self.patient), clock: SystemClock(),
            random: SeededRandom(seed: 3))
        let (starts, isBack, isUp) = (Lock(0), Once<Void>(), Once<Void>())
        try supervisor.add(
            Child("bystander", policy: Self.patient) { _ in
                let start = starts.withLock { starts in
                    starts += 1
                    return starts
                }
                if start == 1 { isUp.resume(returning: ()) } else { isBack.resume(returning: ()) }
                do { try await SystemClock().sleep(for: .seconds(600)) } catch { throw Refusal() }
            })
        let failed = Lock(false)
        try supervisor.add(
            Child("culprit", policy: Self.patient) { _ in
                let isFirst = failed.withLock { failed in
                    defer { failed = true }
                    return !failed
                }
                if isFirst {
                    await isUp.value
                    throw Refusal()
                }
                try? await SystemClock().sleep(for: .seconds(600))
            })
        async let running: Void = supervisor.run()
        await isBack.value
        supervisor.stop()
        try await running
        #expect(starts.withLock { $0 } == 2)
    }

    @Test func `its parent ends while it waits for its restart, and it is not started again`() async throws {
        let slow = RestartPolicy(
            intensity: nil, backoff: Backoff(first: .milliseconds(50), last: .milliseconds(50)))
        let work = Work { record, _ in record == 3 }
        let child = supervisor()
        try child.add(Child("worker", restart: .transient, policy: slow) { try work.run($0) })
        let parent = supervisor()
        try parent.add(Child("branch", restart: .transient, policy: Self.patient) { _ in try await child.run() })
        async let running: Void = parent.run()
        while child.children.first?.phase != .backingOff { await Task.yield() }
        parent.stop()
        try await running
        let starts = work.starts
        try await SystemClock().sleep(for: .milliseconds(150))
        #expect(work.starts == starts)
        #expect(work.effects == [0, 1, 2])
    }
}
