public import MillraceCore

/// One lane per core, and who sits on which.
///
/// A lane that does not come back from a job is closed until it does: nobody is placed on it, its other strands move
/// away, and a spare lane takes its place, so that one blocked job takes a thread from nobody else.
public final class LanePool: Sendable {
    private struct State: Sendable {
        var lanes: [Lane]
        /// Seats taken on each lane.
        var seats: [Int]
    }
    private let name: String
    private let clock: any RuntimeClock
    /// Lanes that should be at work.
    private let count: Int
    private let state: Lock<State>

    /// - Parameter count: number of lanes; one per core when `nil`.
    public init(count: Int? = nil, name: String = "lane", clock: any RuntimeClock) {
        let count = max(1, min(count ?? Cores.count, Limits.lanes))
        (self.name, self.clock, self.count) = (name, clock, count)
        let lanes = (0..<count).map { Lane(name: "\(name)-\($0)", index: $0, clock: clock) }
        state = Lock(State(lanes: lanes, seats: Array(repeating: 0, count: count)))
    }

    /// Those of the beginning, then spare ones.
    public var lanes: [Lane] { state.withLock { $0.lanes } }

    /// The lane with the fewest seats taken; of several the one that was busy least. Give the seat back with `leave`.
    public func place() -> Lane {
        let closed = closedLanes()
        return state.withLock { state in
            let index = LaneBalance.leastLoaded(
                seats: state.seats, busy: state.lanes.map { $0.usage.busy }, closed: closed)
            state.seats[index] += 1
            return state.lanes[index]
        }
    }

    public func leave(_ lane: Lane) {
        state.withLock { state in
            precondition(state.seats[lane.index] > 0, "nobody sits on \(lane.name)")
            state.seats[lane.index] -= 1
        }
    }

    /// Lanes that have been in one job for so long that nobody should wait for them.
    private func closedLanes() -> Set<Int> {
        Set(lanes.filter { $0.usage.current >= Limits.laneStuck }.map(\.index))
    }

    /// A strand on the least loaded lane.
    public func strand(_ name: String) -> Strand { Strand(name, on: place(), clock: clock) }

    /// Moves strands from busy lanes to idle ones when they are unequal. `loads` says what part of a lane each strand
    /// needed lately (0 … 1). Returns how many moved.
    @discardableResult public func rebalance(_ loads: [(strand: Strand, load: Double)]) -> Int {
        let closed = closedLanes()
        let stranded = closed.isEmpty ? 0 : relieve(closed, loads.map(\.strand))
        let moves = LaneBalance.moves(
            seats: loads.map { (lane: $0.strand.lane.index, load: $0.load) }, lanes: lanes.count, closed: closed)
        for move in moves { reseat(loads[move.seat].strand, from: move.from, to: move.lane) }
        return stranded + moves.count
    }

    /// Moves everybody who only waits away from closed lanes, to spare ones when the others would be too few.
    private func relieve(_ closed: Set<Int>, _ strands: [Strand]) -> Int {
        state.withLock { state in
            while state.lanes.count - closed.count < count, state.lanes.count < count + Limits.spareLanes {
                let index = state.lanes.count
                state.lanes.append(Lane(name: "\(name)-\(index)", index: index, clock: clock))
                state.seats.append(0)
            }
        }
        guard lanes.count > closed.count else { return 0 }
        var moved = 0
        for strand in strands where closed.contains(strand.lane.index) && !strand.isRunning {
            let (from, to) = (strand.lane.index, place())
            strand.move(to: to)
            state.withLock { $0.seats[from] = max(0, $0.seats[from] - 1) }
            moved += 1
        }
        return moved
    }

    private func reseat(_ strand: Strand, from: Int, to: Int) {
        let lane = state.withLock { state in
            state.seats[from] = max(0, state.seats[from] - 1)
            state.seats[to] += 1
            return state.lanes[to]
        }
        strand.move(to: lane)
    }

    /// Lets every lane finish what is queued and ends the threads. Returns the names of the lanes that were still at
    /// work at the deadline; they end when their job does.
    public func stop(by deadline: MonotonicTime) async -> [String] {
        let lanes = lanes
        let ended = Lock([Bool](repeating: false, count: lanes.count))
        let once = Once<Void>()
        let timer = clock.schedule(at: deadline) { once.resume(returning: ()) }
        for lane in lanes {
            lane.stop {
                let isLast = ended.withLock { ended in
                    ended[lane.index] = true
                    return !ended.contains(false)
                }
                if isLast { once.resume(returning: ()) }
            }
        }
        await once.value
        timer.cancel()
        let state = ended.withLock { $0 }
        return lanes.filter { !state[$0.index] }.map(\.name)
    }
}
