import MillraceCore

@testable import EngineProbe

/// What the probe's pipelines must have made, computed from all records at once: nothing in them is late.
struct VisitOracle {
    var visits: [Visit]
    var orders: [Visit]

    /// Page, start, count of every window in which the page was seen.
    func windows(of size: Int64, every slide: Int64) -> [[Int64]] {
        var counts: [[Int64]: Int64] = [:]
        for visit in visits {
            let second = Int64(visit.second)
            for start in (second - size + 1)...second where start % slide == 0 {
                counts[[Int64(visit.page), start], default: 0] += 1
            }
        }
        return counts.map { $0.key + [$0.value] }.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// User, start, count of every ten seconds in which the user came.
    func userWindows(of size: Int64) -> [[Int64]] {
        var counts: [[Int64]: Int64] = [:]
        for visit in visits { counts[[Int64(visit.user), Int64(visit.second) / size * size], default: 0] += 1 }
        return counts.map { $0.key + [$0.value] }.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// Visits whose ten seconds were not over, by the visits before them in their partition, and those that came after.
    func lateness(behind: TimeSpan, partitions: UInt32) -> (onTime: [Visit], late: [Visit]) {
        var highest: [UInt32: Int64] = [:]
        var (onTime, late): ([Visit], [Visit]) = ([], [])
        for visit in visits {
            let second = Int64(visit.second)
            let watermark = (highest[visit.user % partitions] ?? .min / 2) - behind.microseconds / 1_000_000
            if second / 10 * 10 + 10 <= watermark { late.append(visit) } else { onTime.append(visit) }
            highest[visit.user % partitions] = max(highest[visit.user % partitions] ?? .min / 2, second)
        }
        return (onTime, late)
    }

    /// User, start, count.
    func sessions(gap: Int64) -> [[Int64]] {
        var found: [[Int64]] = []
        for (user, visits) in Dictionary(grouping: visits, by: \.user) {
            var (start, last, count) = (Int64.min, Int64.min, Int64(0))
            for second in visits.map({ Int64($0.second) }).sorted() {
                if count > 0, second - last >= gap {
                    found.append([Int64(user), start, count])
                    count = 0
                }
                if count == 0 { start = second }
                (last, count) = (second, count + 1)
            }
            found.append([Int64(user), start, count])
        }
        return found.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// User, page, second of the visit, second of the order.
    func matches(within seconds: UInt32) -> [[UInt32]] {
        pairs(within: seconds).filter { $0[0].page == $0[1].page }
            .map { [$0[0].user, $0[0].page, $0[0].second, $0[1].second] }
    }

    /// Visits and orders of one user, the order at most so much later.
    func pairs(within seconds: UInt32) -> [[Visit]] {
        let orders = Dictionary(grouping: orders, by: \.user)
        return visits.flatMap { visit in
            (orders[visit.user] ?? []).filter { $0.second >= visit.second && $0.second <= visit.second + seconds }
                .map { [visit, $0] }
        }
    }
}

extension Sequence where Element: Hashable {
    /// How often each element is there: for comparing what has no order.
    var occurrences: [Element: Int] { reduce(into: [:]) { $0[$1, default: 0] += 1 } }
}
