internal import Synchronization
import MillraceCore

/// What a table's writers have done that readers, later writers and purging have to know. Shared by all revisions of
/// the table, and kept in the store.
final class TableFacts: Sendable {
    /// The largest timestamp that was ahead of its commit. Up to it, overwriting a row unseen could hide newer cells.
    let future: Atomic<Int64>
    /// Some partition has a list of range deletions.
    let hasRanges: Atomic<Bool>
    /// Something was written that dies: a time to live, a tombstone, a deletion, a dropped column. Else purging has
    /// nothing to look for.
    let mayDie: Atomic<Bool>
    /// Bytes written since the last look for what is dead, in records with something that dies. Not kept.
    let dying = Atomic<Int>(0)

    private enum Flag { static let ranges: UInt8 = 1, mayDie: UInt8 = 2 }

    init(future: Int64 = .min, hasRanges: Bool = false, mayDie: Bool = false) {
        self.future = Atomic(future)
        self.hasRanges = Atomic(hasRanges)
        self.mayDie = Atomic(mayDie)
    }

    /// Takes over what others say, and forgets nothing: after a failed commit it may say more than the store does.
    func raise(to other: TableFacts) {
        future.max(other.future.load(ordering: .relaxed), ordering: .relaxed)
        if other.hasRanges.load(ordering: .relaxed) { hasRanges.store(true, ordering: .releasing) }
        if other.mayDie.load(ordering: .relaxed) { mayDie.store(true, ordering: .relaxed) }
    }

    var encoded: [UInt8] {
        var flags: UInt8 = 0
        if hasRanges.load(ordering: .relaxed) { flags |= Flag.ranges }
        if mayDie.load(ordering: .relaxed) { flags |= Flag.mayDie }
        return Layout.bigEndian(future.load(ordering: .relaxed)) + [flags]
    }

    convenience init(decoding bytes: [UInt8]) throws(ByteFault) {
        let (future, flags) = try bytes.lending { (raw) throws(ByteFault) in
            var reader = ByteReader(raw)
            let facts = (try reader.integer(Int64.self), try reader.byte())
            try reader.expectEnd()
            return facts
        }
        self.init(future: future, hasRanges: flags & Flag.ranges != 0, mayDie: flags & Flag.mayDie != 0)
    }
}
