import MillraceCore
import Testing

@testable import MillraceEngine

@Suite struct WallWatchTests {
    private func second(_ n: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: n * 1_000_000_000) }

    @Test func onlyWhatTheWallMovesByItselfIsAJump() {
        var watch = WallWatch()
        func jumped(_ wall: Int64, _ now: Int64) -> Bool { watch.jumped(to: .seconds(wall), at: second(now)) }
        let steps: [(wall: Int64, now: Int64, isJump: Bool)] = [
            (1_000, 10, false), (1_001, 11, false), (1_061, 71, false), (1_062, 71, false), (4_662, 71, true),
            (4_663, 72, false), (1_063, 72, true), (1_064, 73, false),
        ]
        for step in steps { #expect(jumped(step.wall, step.now) == step.isJump, "\(step)") }
    }
}
