public import MillraceCore

/// A hash table of keyed state: open addressing over raw storage, no reference counting, no `Dictionary`.
///
/// A handle: copies mean the same table, `destroy()` ends it, and one thread owns it. Linear probing in one array of
/// (hash and flags, key, value); the load stays at or below 3/4. Keys are hashed with a seed of the table's own, and a
/// probe that gets too long reseeds it, so that chosen keys cannot make it slow.
public struct PaneTable<Key: StreamKey, Value>: BitwiseCopyable {
    @usableFromInline struct Slot {
        /// First in the struct, and read raw while the rest is not initialised. Zero when the slot is free.
        @usableFromInline var meta: UInt64
        @usableFromInline var key: Key
        @usableFromInline var value: Value
        @usableFromInline init(meta: UInt64, key: Key, value: Value) {
            (self.meta, self.key, self.value) = (meta, key, value)
        }
    }
    @usableFromInline struct Header {
        @usableFromInline var slots: UnsafeMutablePointer<Slot>
        /// 64 − log2(capacity): the home slot is in the hash's highest bits.
        @usableFromInline var shift: UInt64
        @usableFromInline var mask: Int
        @usableFromInline var count: Int
        @usableFromInline var growAt: Int
        @usableFromInline var seed: UInt64
        /// Hashes of the entries that became dirty since the last `takeDirty`.
        @usableFromInline var dirty: HashList
        @usableFromInline var hasStored = false
        @usableFromInline init(capacity: Int, seed: UInt64) {
            self.seed = seed
            count = 0
            dirty = HashList()
            slots = PaneTable.allocate(capacity)
            mask = capacity - 1
            shift = UInt64(64 - capacity.trailingZeroBitCount)
            growAt = capacity / 4 * 3
        }
    }

    @usableFromInline let header: UnsafeMutablePointer<Header>

    // Flags in the low bits of a slot's `meta`; the other bits are the hash's.
    @usableFromInline static var used: UInt64 { 1 }
    @usableFromInline static var dirty: UInt64 { 2 }
    @usableFromInline static var stored: UInt64 { 4 }
    @usableFromInline static var flags: UInt64 { 7 }

    public init(capacity: Int = 16, seed: UInt64) {
        header = .allocate(capacity: 1)
        var room = 8
        while room / 4 * 3 < capacity { room *= 2 }
        header.initialize(to: Header(capacity: room, seed: seed))
    }

    /// Frees everything. The handle and its copies must not be used afterwards.
    public func destroy() {
        removeAll()
        header.pointee.slots.deallocate()
        header.pointee.dirty.destroy()
        header.deinitialize(count: 1)
        header.deallocate()
    }

    /// Bytes of one entry in the table, at a load between 3/8 and 3/4; what keys and values own on the heap is extra.
    public static var entryBytes: Int { MemoryLayout<Slot>.stride }
    public var count: Int { header.pointee.count }
    public var capacity: Int { header.pointee.mask + 1 }
    /// Bytes of the table itself; what keys and values own on the heap comes on top.
    public var bytes: Int { capacity * MemoryLayout<Slot>.stride + header.pointee.dirty.bytes }

    @usableFromInline static func allocate(_ capacity: Int) -> UnsafeMutablePointer<Slot> {
        precondition(MemoryLayout<Slot>.alignment <= 16, "keys and values of a table are aligned as numbers are")
        let raw = Memory.zeroed(bytes: capacity * MemoryLayout<Slot>.stride)
        return raw.assumingMemoryBound(to: Slot.self)
    }

    @inlinable @inline(__always) static func meta(
        _ slots: UnsafeMutablePointer<Slot>, _ index: Int
    ) -> UInt64 { UnsafeRawPointer(slots + index).load(as: UInt64.self) }
    @inlinable @inline(__always) static func setMeta(
        _ slots: UnsafeMutablePointer<Slot>, _ index: Int, _ meta: UInt64
    ) { UnsafeMutableRawPointer(slots + index).storeBytes(of: meta, as: UInt64.self) }

    @inlinable @inline(__always) public func hash(_ key: Key) -> UInt64 {
        key.streamHash(seed: header.pointee.seed)
    }

    /// Begins to bring in what a lookup of the key will read.
    @inlinable @inline(__always) public func prefetch(_ key: Key) {
        let h = header
        let hash = key.streamHash(seed: h.pointee.seed)
        let slot = UnsafeRawPointer(h.pointee.slots + Int(truncatingIfNeeded: hash >> h.pointee.shift))
        Memory.prefetch(slot)
        if MemoryLayout<Slot>.stride & 63 != 0 { Memory.prefetch(slot + (MemoryLayout<Slot>.stride - 1)) }
    }
    /// Larger than the caches near the processor.
    @inlinable @inline(__always) public var isFar: Bool {
        (header.pointee.mask + 1) &* MemoryLayout<Slot>.stride > Limits.nearBytes
    }

    /// The slot of a key, or -1.
    @inlinable @inline(__always) public func find(_ key: Key) -> Int {
        let h = header.pointee
        let hash = key.streamHash(seed: h.seed)
        let wanted = hash | PaneTable.flags
        var index = Int(truncatingIfNeeded: hash >> h.shift)
        while true {
            let meta = PaneTable.meta(h.slots, index)
            if meta == 0 { return -1 }
            if meta | PaneTable.flags == wanted, h.slots[index].key == key { return index }
            index = (index + 1) & h.mask
        }
    }

    /// The slot of a key, made with `initial` when it is new, and marked dirty.
    ///
    /// `initial` runs on a miss only: the place to read through to a store. It returns the value and whether a store
    /// has it already.
    @inlinable @inline(__always) public func slot(
        of key: Key, initial: () throws -> (value: Value, stored: Bool)
    ) rethrows -> UnsafeMutablePointer<Value> {
        let h = header
        let hash = key.streamHash(seed: h.pointee.seed)
        let wanted = hash | PaneTable.flags
        let slots = h.pointee.slots
        let mask = h.pointee.mask
        var index = Int(truncatingIfNeeded: hash >> h.pointee.shift)
        while true {
            let meta = PaneTable.meta(slots, index)
            if meta | PaneTable.flags == wanted, meta != 0, slots[index].key == key {
                if meta & PaneTable.dirty == 0 {
                    PaneTable.setMeta(slots, index, meta | PaneTable.dirty)
                    h.pointee.dirty.append(hash)
                }
                return PaneTable.value(slots, index)
            }
            if meta == 0 { break }
            index = (index + 1) & mask
        }
        let made = try initial()
        return insert(key, made.value, stored: made.stored, dirty: true)
    }

    @inlinable @inline(__always) static func value(
        _ slots: UnsafeMutablePointer<Slot>, _ index: Int
    ) -> UnsafeMutablePointer<Value> {
        let raw = UnsafeMutableRawPointer(slots + index) + PaneTable.valueOffset
        return raw.assumingMemoryBound(to: Value.self)
    }
    @inlinable @inline(__always) static var valueOffset: Int {
        let keyEnd = PaneTable.roundUp(8, MemoryLayout<Key>.alignment) + MemoryLayout<Key>.size
        return PaneTable.roundUp(keyEnd, MemoryLayout<Value>.alignment)
    }
    @inlinable @inline(__always) static func roundUp(_ n: Int, _ alignment: Int) -> Int {
        (n + alignment - 1) & ~(alignment - 1)
    }

    /// Adds a key that is not there.
    @inlinable @inline(never) public func insert(
        _ key: Key, _ value: Value, stored: Bool, dirty: Bool
    ) -> UnsafeMutablePointer<Value> {
        if header.pointee.count >= header.pointee.growAt { grow() }
        var flags = PaneTable.used
        if stored {
            flags |= PaneTable.stored
            header.pointee.hasStored = true
        }
        if dirty { flags |= PaneTable.dirty }
        let hash = key.streamHash(seed: header.pointee.seed)
        let index = PaneTable.freeSlot(header.pointee, hash)
        (header.pointee.slots + index).initialize(
            to: Slot(meta: hash & ~PaneTable.flags | flags, key: key, value: value))
        header.pointee.count += 1
        if dirty { header.pointee.dirty.append(hash) }
        return PaneTable.value(header.pointee.slots, index)
    }

    @inlinable static func freeSlot(_ h: Header, _ hash: UInt64) -> Int {
        var index = Int(truncatingIfNeeded: hash >> h.shift)
        while PaneTable.meta(h.slots, index) != 0 { index = (index + 1) & h.mask }
        return index
    }

    /// Empty, and as if newly made with this seed: the order of its entries follows from it.
    @inlinable public func reset(seed: UInt64) {
        removeAll()
        header.pointee.seed = seed
    }
    @inlinable public func removeAll() {
        let h = header.pointee
        for index in 0...h.mask where PaneTable.meta(h.slots, index) != 0 {
            (h.slots + index).deinitialize(count: 1)
            PaneTable.setMeta(h.slots, index, 0)
        }
        header.pointee.count = 0
        header.pointee.hasStored = false
        header.pointee.dirty.removeAll()
    }
}
