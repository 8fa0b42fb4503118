internal import MillraceCore

/// Where the newest entry of each key stands in a journal: open addressing over raw storage, 16 bytes a slot.
///
/// It keeps no keys: whoever asks looks at the entry. Slots of blocks that have left the journal stay until they are in
/// the way. One thread owns it.
struct JournalIndex: ~Copyable {
    struct Place: Equatable {
        var block: Int64
        var offset: Int
        /// The store has no entry of this key outside the journal.
        var isFresh: Bool
    }
    /// All zero when free: a used hash has its lowest bit set.
    private struct Slot {
        var hash: UInt32
        var offset: UInt32
        /// The block's number, and in the lowest bit whether the key is fresh.
        var word: UInt64

        var place: Place { Place(block: Int64(word >> 1), offset: Int(offset), isFresh: word & 1 != 0) }
    }

    private var slots: UnsafeMutablePointer<Slot>
    private var mask: Int
    private var used = 0

    init() { (slots, mask) = (Self.allocate(64), 63) }
    deinit { slots.deallocate() }

    private static func allocate(_ capacity: Int) -> UnsafeMutablePointer<Slot> {
        Memory.zeroed(bytes: capacity * MemoryLayout<Slot>.stride).assumingMemoryBound(to: Slot.self)
    }

    private static func mark(_ hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash >> 32) | 1 }
    private func home(_ mark: UInt32) -> Int { Int(mark >> 1) & mask }

    var bytes: Int { (mask + 1) * MemoryLayout<Slot>.stride }

    /// The place that `isSame` accepts among those of blocks from `first` on.
    func find(_ hash: UInt64, first: Int64, isSame: (Place) -> Bool) -> Place? {
        let wanted = Self.mark(hash)
        var index = home(wanted)
        while slots[index].hash != 0 {
            if slots[index].hash == wanted {
                let place = slots[index].place
                if place.block >= first, isSame(place) { return place }
            }
            index = (index + 1) & mask
        }
        return nil
    }

    /// Notes where a key stands now, in place of what `isSame` accepts. `makePlace` is given what was there.
    mutating func note(
        _ hash: UInt64, first: Int64, isSame: (Place) -> Bool, place makePlace: (Place?) -> Place
    ) {
        if used >= (mask + 1) / 4 * 3 { makeRoom(first) }
        let wanted = Self.mark(hash)
        var index = home(wanted)
        var target = -1
        var found: Place?
        while slots[index].hash != 0 {
            let place = slots[index].place
            if place.block < first {
                if target < 0 { target = index }
            } else if slots[index].hash == wanted, isSame(place) {
                (target, found) = (index, place)
                break
            }
            index = (index + 1) & mask
        }
        if target < 0 {
            target = index
            used += 1
        }
        let place = makePlace(found)
        slots[target] = Slot(
            hash: wanted, offset: UInt32(place.offset), word: UInt64(place.block) << 1 | (place.isFresh ? 1 : 0))
    }

    /// Drops what is no longer in the journal, and takes more room when what is left fills a third of it.
    private mutating func makeRoom(_ first: Int64) {
        var live = 0
        forEach(first: first) { _ in live += 1 }
        var capacity = 64
        while capacity / 3 < live { capacity *= 2 }
        let (old, count) = (slots, mask + 1)
        (slots, mask, used) = (Self.allocate(capacity), capacity - 1, live)
        for slot in UnsafeBufferPointer(start: old, count: count) where slot.hash != 0 && slot.place.block >= first {
            var index = home(slot.hash)
            while slots[index].hash != 0 { index = (index + 1) & mask }
            slots[index] = slot
        }
        old.deallocate()
    }

    /// Every place in blocks from `first` on, in no order that means anything.
    func forEach(first: Int64, _ body: (Place) -> Void) {
        for index in 0...mask where slots[index].hash != 0 {
            let place = slots[index].place
            if place.block >= first { body(place) }
        }
    }
}
