/// Walking, removing and what changed since the last commit.
extension PaneTable {
    /// Every entry in slot order: an order that depends on the seed, so nothing visible may follow from it.
    @inlinable @inline(__always) public func forEach(
        _ body: (Key, UnsafeMutablePointer<Value>) throws -> Void
    ) rethrows {
        let h = header.pointee
        for index in 0...h.mask where PaneTable.meta(h.slots, index) != 0 {
            try body(h.slots[index].key, PaneTable.value(h.slots, index))
        }
    }

    /// Every entry in the order of hashes: the same order for the same seed, however the table came about.
    ///
    /// An unbroken run of slots holds the entries whose homes are in it, so the runs are in order already and only
    /// within each is there something to sort. The run that goes over the end begins at the end.
    @inlinable @inline(never) public func forEachOrdered(
        _ body: (Key, UnsafeMutablePointer<Value>) throws -> Void
    ) rethrows {
        let h = header.pointee
        guard h.count > 0 else { return }
        var free = 0
        while PaneTable.meta(h.slots, free) != 0 { free += 1 }
        var run: [(hash: UInt64, index: Int)] = []
        run.reserveCapacity(64)
        /// Adds an entry in its place: runs are short.
        func add(_ index: Int) {
            let hash = PaneTable.meta(h.slots, index) & ~PaneTable.flags
            var place = run.count
            while place > 0, run[place - 1].hash > hash { place -= 1 }
            run.insert((hash, index), at: place)
        }
        func isWrapped(_ index: Int) -> Bool {
            Int(truncatingIfNeeded: PaneTable.meta(h.slots, index) >> h.shift) > index
        }
        for index in 0..<free where !isWrapped(index) { add(index) }
        var index = free
        while index <= h.mask {
            if PaneTable.meta(h.slots, index) == 0 {
                for entry in run { try body(h.slots[entry.index].key, PaneTable.value(h.slots, entry.index)) }
                run.removeAll(keepingCapacity: true)
            } else {
                add(index)
            }
            index += 1
        }
        for index in 0..<free where isWrapped(index) { add(index) }
        for entry in run { try body(h.slots[entry.index].key, PaneTable.value(h.slots, entry.index)) }
    }

    /// Notes that a value was changed in place.
    @inlinable public func touch(_ key: Key) {
        let index = find(key)
        guard index >= 0 else { return }
        let meta = PaneTable.meta(header.pointee.slots, index)
        guard meta & PaneTable.dirty == 0 else { return }
        PaneTable.setMeta(header.pointee.slots, index, meta | PaneTable.dirty)
        header.pointee.dirty.append(hash(key))
    }

    @inlinable public func value(at index: Int) -> UnsafeMutablePointer<Value> {
        PaneTable.value(header.pointee.slots, index)
    }
    /// Some entry is in a store too.
    @inlinable public var hasStored: Bool { header.pointee.hasStored }

    @inlinable public func get(_ key: Key) -> Value? {
        let index = find(key)
        return index < 0 ? nil : header.pointee.slots[index].value
    }

    /// Calls `body` for every entry that changed since the last call, with whether a store has had it before, and takes
    /// them as stored from now on.
    @inlinable public func takeDirty(_ body: (Key, Value, Bool) throws -> Void) rethrows {
        let h = header.pointee
        for position in 0..<h.dirty.count {
            let hash = h.dirty.base.unsafelyUnwrapped[position]
            let wanted = hash | PaneTable.flags
            var index = Int(truncatingIfNeeded: hash >> h.shift)
            while true {
                let meta = PaneTable.meta(h.slots, index)
                if meta == 0 { break }
                if meta | PaneTable.flags == wanted, meta & PaneTable.dirty != 0 {
                    PaneTable.setMeta(h.slots, index, meta & ~PaneTable.dirty | PaneTable.stored)
                    try body(h.slots[index].key, h.slots[index].value, meta & PaneTable.stored != 0)
                }
                index = (index + 1) & h.mask
            }
        }
        if h.dirty.count > 0 { header.pointee.hasStored = true }
        header.pointee.dirty.removeAll()
    }

    /// The keys a store holds, whether or not the value here is newer.
    @inlinable public func forEachStored(_ body: (Key) throws -> Void) rethrows {
        let h = header.pointee
        for index in 0...h.mask where PaneTable.meta(h.slots, index) & PaneTable.stored != 0 {
            try body(h.slots[index].key)
        }
    }

    /// Takes a key out. `nil` when it is not there; `stored` says whether a store must forget it too.
    @inlinable public func remove(_ key: Key) -> (value: Value, stored: Bool)? {
        let index = find(key)
        guard index >= 0 else { return nil }
        let stored = PaneTable.meta(header.pointee.slots, index) & PaneTable.stored != 0
        let slot = (header.pointee.slots + index).move()
        close(index)
        return (slot.value, stored)
    }

    /// Moves the followers of a freed slot back, so that no marker of the removal is needed.
    @inlinable func close(_ freed: Int) {
        let h = header.pointee
        PaneTable.setMeta(h.slots, freed, 0)
        header.pointee.count -= 1
        var hole = freed
        var index = (freed + 1) & h.mask
        while true {
            let meta = PaneTable.meta(h.slots, index)
            if meta == 0 { return }
            let home = Int(truncatingIfNeeded: meta >> h.shift)
            // The entry may move when its home is not behind the hole on the way to where it stands.
            if (index - home) & h.mask >= (index - hole) & h.mask {
                (h.slots + hole).moveInitialize(from: h.slots + index, count: 1)
                PaneTable.setMeta(h.slots, index, 0)
                hole = index
            }
            index = (index + 1) & h.mask
        }
    }

    /// Drops entries that a store holds unchanged, and gives room back when little is left. Returns how many went.
    @inlinable public func evictStored() -> Int {
        let old = header.pointee
        var kept: [(Key, Value, UInt64)] = []
        var evicted = 0
        for index in 0...old.mask {
            let meta = PaneTable.meta(old.slots, index)
            guard meta != 0 else { continue }
            if meta & PaneTable.stored != 0, meta & PaneTable.dirty == 0 {
                evicted += 1
            } else {
                kept.append((old.slots[index].key, old.slots[index].value, meta))
            }
        }
        guard evicted > 0 else { return 0 }
        removeAll()
        var room = 8
        while room / 4 * 3 < kept.count { room *= 2 }
        rehash(capacity: room)
        for (key, value, meta) in kept {
            _ = insert(key, value, stored: meta & PaneTable.stored != 0, dirty: meta & PaneTable.dirty != 0)
        }
        return evicted
    }
}
