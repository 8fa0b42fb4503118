import MillraceCore

/// The recent commits, kept as the bytes that were written, for subscribers to read at their own pace.
///
/// Publishing costs a reference; what a subscriber wants is picked out on its own thread. Bounded by bytes: the oldest
/// go first, and whoever had not read them is told.
final class ChangeFeed: Sendable {
    /// One written batch: one commit or a group of them.
    struct Entry: Sendable {
        struct Member: Sendable {
            var id: Int64
            /// Of the batch's bytes, records of this commit.
            var range: Range<Int>
        }
        var members: [Member]
        var bytes: [UInt8]
        var last: Int64 { members.last?.id ?? 0 }

        /// Where each commit's records lie in the batch that holds them all.
        static func records(_ batch: borrowing RawBatch, _ group: [Committer.Waiting]) -> [Member] {
            var members: [Member] = []
            members.reserveCapacity(group.count)
            var position = RawBatch.headerBytes
            for member in group {
                let length = group.count == 1 ? batch.recordBytes : member.commit.batch.recordBytes
                members.append(Member(id: member.id, range: position..<position + length))
                position += length
            }
            return members
        }
    }

    private struct State {
        /// Oldest first, from `head` on; trimmed as it grows.
        var entries: [Entry] = []
        var head = 0
        var bytes = 0
        /// Commits up to this one are no longer here.
        var floor: Int64 = 0
        var last: Int64 = 0
        var sleepers: [Int: @Sendable () -> Void] = [:]
        var nextSleeper = 0
        var isClosed = false
    }
    private let state = Lock(State())
    private let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    /// What was committed before the feed began cannot be had from it.
    func begin(after id: Int64) {
        state.withLock {
            $0.floor = max($0.floor, id); $0.last = max($0.last, id)
        }
    }

    func publish(_ members: [Entry.Member], _ batch: borrowing RawBatch) {
        // A batch may have asked for room that it did not need. What is kept for long takes what it holds.
        let isLoose = batch.bytes.capacity > 2 * batch.bytes.count
        let bytes = isLoose ? batch.bytes.withUnsafeBytes { Array($0) } : batch.bytes
        let entry = Entry(members: members, bytes: bytes)
        let sleepers = state.withLock { state in
            state.entries.append(entry)
            state.bytes += entry.bytes.count
            state.last = entry.last
            while state.bytes > capacity, state.head < state.entries.count {
                state.floor = state.entries[state.head].last
                state.bytes -= state.entries[state.head].bytes.count
                state.entries[state.head] = Entry(members: [], bytes: [])
                state.head += 1
            }
            if state.head > 64, state.head * 2 > state.entries.count {
                state.entries.removeFirst(state.head)
                state.head = 0
            }
            defer { state.sleepers = [:] }
            return Array(state.sleepers.values)
        }
        for wake in sleepers { wake() }
    }

    func close() {
        let sleepers = state.withLock { state in
            state.isClosed = true
            defer { state.sleepers = [:] }
            return Array(state.sleepers.values)
        }
        for wake in sleepers { wake() }
    }

    enum Take {
        case entries([Entry])
        case gap(floor: Int64)
        case nothing
        case closed
    }

    /// Entries with commits after a position, at most `count` of them.
    func take(after position: Int64, count: Int) -> Take {
        state.withLock { state in
            if position < state.floor { return .gap(floor: state.floor) }
            if position >= state.last { return state.isClosed ? .closed : .nothing }
            let live = state.entries[state.head...]
            var (low, high) = (live.startIndex, live.endIndex)
            while low < high {
                let middle = (low + high) / 2
                if live[middle].last > position { high = middle } else { low = middle + 1 }
            }
            return .entries(Array(live[low...].prefix(count)))
        }
    }

    var bytes: Int { state.withLock { $0.bytes } }
    var lastCommit: Int64 { state.withLock { $0.last } }

    /// Calls `wake` once, as soon as there is something after the position (at once if there is already).
    func whenBehind(_ position: Int64, _ wake: @escaping @Sendable () -> Void) -> Int? {
        let number: Int? = state.withLock { state in
            if position < state.last || state.isClosed { return nil }
            state.nextSleeper += 1
            state.sleepers[state.nextSleeper] = wake
            return state.nextSleeper
        }
        if number == nil { wake() }
        return number
    }
    func forget(_ sleeper: Int) { state.withLock { _ = $0.sleepers.removeValue(forKey: sleeper) } }
}
