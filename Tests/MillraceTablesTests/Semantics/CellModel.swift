/// The semantics of one cell, after Cassandra's documentation. Knows nothing of the store.
///
/// The model keeps every version ever written and decides at the time of reading; nothing is merged, so nothing can be
/// merged wrongly.

/// When something was written. Versions of one commit that counts its statements in order also compare by `order`.
struct Stamp: Comparable, Hashable {
    var timestamp: Int64
    var order = 0
    static func < (a: Stamp, b: Stamp) -> Bool { (a.timestamp, a.order) < (b.timestamp, b.order) }
}

struct Version {
    var stamp: Stamp
    /// CQL's serialised value; nil is a tombstone.
    var bytes: [UInt8]?
    /// Seconds since 1970 at which it becomes a tombstone.
    var expiry: Int64?

    func isLive(at now: Int64) -> Bool { bytes != nil && (expiry.map { now < $0 } ?? true) }

    /// The later one; of two at the same time a tombstone, then one that expires, then the one that expires later,
    /// then the larger value by unsigned bytes.
    static func winner(_ a: Version, _ b: Version) -> Version {
        if a.stamp != b.stamp { return a.stamp > b.stamp ? a : b }
        if (a.bytes == nil) != (b.bytes == nil) { return a.bytes == nil ? a : b }
        if (a.expiry == nil) != (b.expiry == nil) { return a.expiry != nil ? a : b }
        if let x = a.expiry, let y = b.expiry, x != y { return x > y ? a : b }
        let (x, y) = (a.bytes ?? [], b.bytes ?? [])
        return x == y || y.lexicographicallyPrecedes(x) ? a : b
    }
}

/// Versions of one cell, or of the marker that INSERT leaves.
struct CellHistory {
    var versions: [Version] = []

    /// The version that counts, if it is live and no deletion covers it.
    func live(at now: Int64, deleted: Stamp?) -> Version? {
        guard var best = versions.first else { return nil }
        for version in versions.dropFirst() { best = Version.winner(best, version) }
        if let deleted, best.stamp <= deleted { return nil }
        return best.isLive(at: now) ? best : nil
    }
}

/// Increments of one counter; those newer than the last deletion count.
struct CounterHistory {
    var deltas: [(stamp: Stamp, amount: Int64)] = []
    var deletions: [Stamp] = []

    func value(deleted: Stamp?) -> Int64? {
        let last = ([deleted] + deletions).compactMap { $0 }.max()
        let counted = deltas.filter { delta in last.map { delta.stamp > $0 } ?? true }
        return counted.isEmpty ? nil : counted.reduce(0) { $0 &+ $1.amount }
    }
}

/// Where an element of a collection stands.
enum ElementPath: Hashable {
    /// Of a set or a map: the serialised element or key. Of a user type: the field's number.
    case key([UInt8])
    case field(Int)
    /// Of a list: prepended ones first, the latest first; then the others, the earliest first.
    case position(group: Int, index: Int)
}

struct CollectionHistory {
    var deletions: [Stamp] = []
    var elements: [ElementPath: CellHistory] = [:]

    func live(at now: Int64, deleted: Stamp?) -> [(path: ElementPath, version: Version)] {
        let last = ([deleted] + deletions).compactMap { $0 }.max()
        return elements.compactMap { path, history in history.live(at: now, deleted: last).map { (path, $0) } }
    }
}
