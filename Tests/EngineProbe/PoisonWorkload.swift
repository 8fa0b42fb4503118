import MillraceCore
import MillraceEngine
import MillraceFlow

/// 100,000 visits of which 100 make a closure throw and 3 make it trap, each in its own way.
enum PoisonWorkload {
    static let count: Int64 = 100_000
    static let throwing: UInt32 = 13
    static let trapping: [Int64: UInt32] = [20_000: 66, 50_001: 67, 80_002: 68]

    static func visit(_ number: Int64) -> Visit {
        let page = trapping[number] ?? (number % 1_000 == 7 ? throwing : 1)
        return Visit(user: UInt32(number % 50), page: page, second: UInt32(number))
    }

    static var topology: Topology {
        let visits = Generator<Visit>("visits", partitions: 3, count: count) { visit($0) }
        return Topology([visits.feeds(PoisonedPages()).into(Log<Visit>("safe").keeping())])
    }
}

struct PoisonedPages: Pipeline {
    struct Thirteen: Error {}

    var body: some Flow<Visit, Visit> {
        Events<Visit>().filter { visit in
            switch visit.page {
            case PoisonWorkload.throwing: throw Thirteen()
            case 66: return [true][Int(visit.page)]
            case 67: return UInt8(visit.page) &+ 0 == UInt8(visit.page) * 5
            case 68: return Self.depth(of: visit.page) == 0
            default: return true
            }
        }
    }

    /// Never returns: the stack ends.
    private static func depth(of page: UInt32) -> Int {
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 512) { buffer in
            buffer.initialize(repeating: UInt64(page))
            return depth(of: UInt32(buffer[Int(page)])) + 1
        }
    }
}

/// A hundred visits, one of which never comes back.
enum EndlessWorkload {
    static let count: Int64 = 100
    static let endless: Int64 = 41

    static var topology: Topology {
        let visits = Generator<Visit>("visits", partitions: 2, count: count) {
            Visit(user: UInt32($0), page: $0 == endless ? 69 : 1, second: UInt32($0))
        }
        return Topology([visits.feeds(Unreturning()).into(Log<Visit>("safe").keeping())])
    }
}

struct Unreturning: Pipeline {
    var body: some Flow<Visit, Visit> {
        Events<Visit>().filter { visit in
            var turns = 0
            while visit.page == 69 { turns &+= 1 }
            return true
        }
    }
}
