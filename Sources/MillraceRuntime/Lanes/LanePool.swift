public import MillraceCore

/// One lane per core, and who sits on which.
public final class LanePool: Sendable {
    public let lanes: [Lane]
    private let clock: any RuntimeClock
    /// Seats taken on each lane.
    private let seats: Lock<[Int]>

    /// - Parameter count: number of lanes; one per core when `nil`.
    public init(count: Int? = nil, name: String = "lane", clock: any RuntimeClock) {
        let count = max(1, min(count ?? Cores.count, Limits.lanes))
        lanes = (0..<count).map { Lane(name: "\(name)-\($0)", index: $0, clock: clock) }
        self.clock = clock
        seats = Lock([Int](repeating: 0, count: count))
    }

    /// The lane with the fewest seats taken; of several the one that was busy least. Give the seat back with `leave`.
    public func place() -> Lane {
        let busy = lanes.map { $0.usage.busy }
        let index = seats.withLock { seats in
            let index = LaneBalance.leastLoaded(seats: seats, busy: busy)
            seats[index] += 1
            return index
        }
        return lanes[index]
    }

    public func leave(_ lane: Lane) {
        seats.withLock { seats in
            precondition(seats[lane.index] > 0, "nobody sits on \(lane.name)")
            seats[lane.index] -= 1
        }
    }

    /// A strand on the least loaded lane.
    public func strand(_ name: String) -> Strand { Strand(name, on: place(), clock: clock) }

    /// Moves strands from busy lanes to idle ones when they are unequal. `loads` says what part of a lane each strand
    /// needed lately (0 … 1). Returns how many moved.
    @discardableResult public func rebalance(_ loads: [(strand: Strand, load: Double)]) -> Int {
        let moves = LaneBalance.moves(
            seats: loads.map { (lane: $0.strand.lane.index, load: $0.load) }, lanes: lanes.count)
        for move in moves {
            loads[move.seat].strand.move(to: lanes[move.lane])
            seats.withLock { seats in
                seats[move.from] = max(0, seats[move.from] - 1)
                seats[move.lane] += 1
            }
        }
        return moves.count
    }

    /// Lets every lane finish what is queued and ends the threads. Returns the names of the lanes that were still at
    /// work at the deadline; they end when their job does.
    public func stop(by deadline: MonotonicTime) async -> [String] {
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
