public import MillraceCore

extension PaneTable {
    /// Doubles the room, and takes a new seed when the old one let chains grow beyond reason.
    @inlinable @inline(never) func grow() {
        rehash(capacity: (header.pointee.mask + 1) * 2)
    }

    @inlinable func rehash(capacity: Int) {
        let old = header.pointee
        if longestProbe > Limits.paneTableProbes {
            header.pointee.seed = KeyHash.mix(old.seed, 0x51_7C_C1_B7_27_22_0A_95)
        }
        header.pointee.slots = PaneTable.allocate(capacity)
        header.pointee.mask = capacity - 1
        header.pointee.shift = UInt64(64 - capacity.trailingZeroBitCount)
        header.pointee.growAt = capacity / 4 * 3
        header.pointee.dirty.removeAll()
        for index in 0...old.mask {
            let meta = PaneTable.meta(old.slots, index)
            guard meta != 0 else { continue }
            let hash = old.slots[index].key.streamHash(seed: header.pointee.seed)
            let target = PaneTable.freeSlot(header.pointee, hash)
            (header.pointee.slots + target).moveInitialize(from: old.slots + index, count: 1)
            PaneTable.setMeta(header.pointee.slots, target, hash & ~PaneTable.flags | meta & PaneTable.flags)
            if meta & PaneTable.dirty != 0 { header.pointee.dirty.append(hash) }
        }
        old.slots.deallocate()
    }

    /// Slots of the longest unbroken run: an upper bound of what a lookup has to look at.
    @inlinable var longestProbe: Int {
        let h = header.pointee
        var longest = 0
        var run = 0
        for index in 0...h.mask {
            run = PaneTable.meta(h.slots, index) == 0 ? 0 : run + 1
            longest = max(longest, run)
        }
        return longest
    }
}

/// A growing list of hashes in raw storage, for the tables' dirty entries.
@usableFromInline struct HashList: BitwiseCopyable {
    @usableFromInline var base: UnsafeMutablePointer<UInt64>?
    @usableFromInline var count = 0
    @usableFromInline var room = 0

    @inlinable init() { base = nil }
    @inlinable var bytes: Int { room * 8 }

    @inlinable @inline(__always) mutating func append(_ hash: UInt64) {
        if count == room { enlarge() }
        base.unsafelyUnwrapped[count] = hash
        count += 1
    }
    @inlinable @inline(never) mutating func enlarge() {
        let larger = max(16, room * 2)
        let fresh = UnsafeMutablePointer<UInt64>.allocate(capacity: larger)
        if let base {
            fresh.update(from: base, count: count)
            base.deallocate()
        }
        (base, room) = (fresh, larger)
    }
    @inlinable mutating func removeAll() { count = 0 }
    @inlinable mutating func destroy() {
        base?.deallocate()
        self = HashList()
    }
}
