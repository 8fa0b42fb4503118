internal import MillraceCore

/// Where to put a task, and which tasks to move. Pure.
enum LaneBalance {
    /// Lanes whose loads differ by less than this part of a lane are equal.
    static let tolerance = 0.25

    struct Move: Hashable {
        /// Index into the seats given.
        var seat: Int
        var from: Int
        var lane: Int
    }

    /// - Parameter closed: lanes that take nobody, unless all are closed.
    static func leastLoaded(seats: [Int], busy: [TimeSpan], closed: Set<Int> = []) -> Int {
        let open = seats.indices.filter { !closed.contains($0) }
        let candidates = open.isEmpty ? Array(seats.indices) : open
        return candidates.min { (seats[$0], busy[$0], $0) < (seats[$1], busy[$1], $1) } ?? 0
    }

    /// Greedy: from the busiest lane to the idlest, the seat that brings the two closest together, until they are equal
    /// or nothing helps. A seat moves at most once, and none from or to a lane that is closed.
    static func moves(seats: [(lane: Int, load: Double)], lanes: Int, closed: Set<Int> = []) -> [Move] {
        let open = (0..<lanes).filter { !closed.contains($0) }
        var totals = [Double](repeating: 0, count: lanes)
        for seat in seats { totals[seat.lane] += seat.load }
        var places = seats.map(\.lane)
        var moved = [Bool](repeating: false, count: seats.count)
        var moves: [Move] = []
        while moves.count < seats.count,
            let high = open.max(by: { totals[$0] < totals[$1] }),
            let low = open.min(by: { totals[$0] < totals[$1] }), totals[high] - totals[low] > tolerance
        {
            let gap = totals[high] - totals[low]
            // Moving a load x changes the gap to |gap − 2x|.
            let candidates = seats.indices.filter { places[$0] == high && !moved[$0] && seats[$0].load > 0 }
            guard let best = candidates.min(by: { abs(gap - 2 * seats[$0].load) < abs(gap - 2 * seats[$1].load) }),
                abs(gap - 2 * seats[best].load) < gap - tolerance / 2
            else { break }
            totals[high] -= seats[best].load
            totals[low] += seats[best].load
            places[best] = low
            moved[best] = true
            moves.append(Move(seat: best, from: high, lane: low))
        }
        return moves
    }
}
