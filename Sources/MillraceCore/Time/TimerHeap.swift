/// Pieces of work ordered by (deadline, order of insertion), any of which can be taken out again.
///
/// A binary heap of slot numbers; a slot knows its place in the heap, so cancelling is O(log n) and leaves nothing
/// behind.
struct TimerHeap<Work> {
    struct Ticket: Hashable, Sendable {
        fileprivate var slot: Int
        fileprivate var sequence: UInt64
    }
    private struct Slot {
        var deadline: MonotonicTime
        var sequence: UInt64
        /// Where in `heap` this slot stands; -1 when it is free.
        var place: Int
        var work: Work?
    }
    private var slots: [Slot] = []
    private var free: [Int] = []
    private var heap: [Int] = []
    private var nextSequence: UInt64 = 0

    var count: Int { heap.count }
    var firstDeadline: MonotonicTime? { heap.first.map { slots[$0].deadline } }

    mutating func insert(at deadline: MonotonicTime, _ work: Work) -> Ticket {
        let entry = Slot(deadline: deadline, sequence: nextSequence, place: heap.count, work: work)
        nextSequence += 1
        let slot: Int
        if let reused = free.popLast() {
            slot = reused
            slots[slot] = entry
        } else {
            slot = slots.count
            slots.append(entry)
        }
        heap.append(slot)
        siftUp(heap.count - 1)
        return Ticket(slot: slot, sequence: entry.sequence)
    }

    /// Takes out the earliest piece of work that is due at `time`.
    mutating func popDue(at time: MonotonicTime) -> Work? {
        guard let first = heap.first, slots[first].deadline <= time else { return nil }
        return remove(place: 0)
    }

    /// The work, or `nil` when it was taken out before.
    mutating func remove(_ ticket: Ticket) -> Work? {
        let slot = slots[ticket.slot]
        guard slot.place >= 0, slot.sequence == ticket.sequence else { return nil }
        return remove(place: slot.place)
    }

    private mutating func remove(place: Int) -> Work? {
        let slot = heap[place]
        let last = heap.count - 1
        if place != last { swap(place, last) }
        heap.removeLast()
        if place < heap.count {
            siftUp(place)
            siftDown(place)
        }
        slots[slot].place = -1
        free.append(slot)
        return slots[slot].work.take()
    }

    private func precedes(_ a: Int, _ b: Int) -> Bool {
        let (x, y) = (slots[heap[a]], slots[heap[b]])
        return x.deadline == y.deadline ? x.sequence < y.sequence : x.deadline < y.deadline
    }
    private mutating func swap(_ a: Int, _ b: Int) {
        heap.swapAt(a, b)
        slots[heap[a]].place = a
        slots[heap[b]].place = b
    }
    private mutating func siftUp(_ start: Int) {
        var child = start
        while child > 0, precedes(child, (child - 1) / 2) {
            swap(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }
    private mutating func siftDown(_ start: Int) {
        var parent = start
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && precedes(child, least) {
                least = child
            }
            if least == parent { return }
            swap(parent, least)
            parent = least
        }
    }
}
