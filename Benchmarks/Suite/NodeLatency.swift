import Millrace
import MillraceCore
import MillraceLog
import MillraceTables

extension NodeFigures {
    /// From an append to the change of a followed table: first as many records as the pipeline takes while it is
    /// followed, then half as many a second.
    static func latency(_ directory: String, seconds: Int, commit: Int) async throws {
        let node = try start(Topology([ticks.feeds(Totals()).into(Table("totals"))]), directory, commit: commit)
        guard let topic = node.log.topic("ticks") else { return }
        let follower = Follower(try node.tables.subscribe(.table(try node.tables.require("app", "totals"))), node.clock)
        let thread = OwnedThread(name: "follower") { follower.run() }
        async let running: Void = node.run()

        let full = try await fullRate(topic, follower, node.clock, seconds: seconds)
        let rate = full / 2
        _ = follower.waits
        let sent = try await send(topic, rate: rate, seconds: seconds, after: follower.seen, node.clock)
        while follower.seen < sent { try await node.clock.sleep(for: .milliseconds(1)) }
        var waits = follower.waits
        waits.sort()
        let at = { (part: Double) in Double(waits[min(waits.count - 1, Int(Double(waits.count) * part))]) / 1_000 }
        guard !waits.isEmpty else { Terminal.exit(1, "nothing came through") }
        Terminal.out(
            "latency at \(rate)/s, half of \(full)/s, commits every \(commit) ms: p50 \(at(0.5)) ms, "
                + "p99 \(at(0.99)) ms, max \(at(1)) ms over \(waits.count) changes\n")
        node.stop()
        try await running
        await node.close()
        thread.join()
    }

    /// Changes a second while there is always something to do. The producer runs beside the node, as it will later.
    private static func fullRate(
        _ topic: Topic, _ follower: Follower, _ clock: any RuntimeClock, seconds: Int
    ) async throws -> Int {
        var sent: Int64 = 0
        var begin: (MonotonicTime, seen: Int64)?
        let start = clock.now
        while true {
            // The first second is a start, not a steady state.
            if begin == nil, clock.now - start >= .seconds(1) { begin = (clock.now, follower.seen) }
            if let begin, clock.now - begin.0 >= .seconds(Int64(seconds)) {
                let rate = Double(follower.seen - begin.seen) / (clock.now - begin.0).seconds
                while follower.seen < sent { try await clock.sleep(for: .milliseconds(1)) }
                return Int(rate)
            }
            if sent - follower.seen < 400_000 {
                try await append(4_000, from: sent, keys: 1_000, to: topic, clock: clock)
                sent += 4_000
            } else {
                try await clock.sleep(for: .milliseconds(1))
            }
        }
    }

    /// A steady rate. Returns what will have been seen in the end.
    private static func send(
        _ topic: Topic, rate: Int, seconds: Int, after first: Int64, _ clock: any RuntimeClock
    ) async throws -> Int64 {
        let begin = clock.now
        var sent: Int64 = 0
        while clock.now - begin < .seconds(Int64(seconds)) {
            let due = Int64((clock.now - begin).seconds * Double(rate))
            if due > sent {
                try await append(Int(due - sent), from: first + sent, keys: 1_000, to: topic, clock: clock)
            }
            sent = max(sent, due)
            try await clock.sleep(for: .milliseconds(2))
        }
        return first + sent
    }

    /// Takes every change as it comes, on a thread of its own.
    private final class Follower: Sendable {
        private let subscription: ChangeSubscription
        private let clock: any RuntimeClock
        private let state = ThreadMonitor((seen: Int64(0), waits: [Int64](), isReady: false))

        init(_ subscription: ChangeSubscription, _ clock: any RuntimeClock) {
            (self.subscription, self.clock) = (subscription, clock)
        }

        var seen: Int64 { state.withLock { $0.seen } }
        /// Microseconds, of everything since this was asked last.
        var waits: [Int64] {
            state.withLock { state in
                defer { state.waits = [] }
                return state.waits
            }
        }

        func run() {
            while true {
                guard let step = try? subscription.next() else { return }
                switch step {
                case .changes(let changes): note(changes)
                case .gap: Terminal.exit(1, "the follower fell behind")
                case .closed: return
                case .nothing:
                    subscription.whenReady { [state] in
                        state.withLock { $0.isReady = true }
                        state.signal()
                    }
                    state.wait { (state) -> ThreadMonitor<(seen: Int64, waits: [Int64], isReady: Bool)>.Step<Void> in
                        guard state.isReady else { return .wait(until: nil) }
                        state.isReady = false
                        return .done(())
                    }
                }
            }
        }

        private func note(_ changes: [RowChange]) {
            let now = clock.wall.microseconds
            var waits: [Int64] = []
            for change in changes {
                for cell in change.cells where cell.column.name == "value" {
                    if case .bigint(let sent)? = cell.value { waits.append(now - sent) }
                }
            }
            let found = waits
            state.withLock { state in
                state.seen += Int64(found.count)
                state.waits += found
            }
        }
    }
}
