internal import MillraceCore

/// Memory that decoded bytes go to: grows by doubling up to a cap, never because of a length the input claims.
struct OutputBuffer: ~Copyable {
    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    private(set) var count = 0
    /// More than this is refused. One byte more is allocated, so that "exactly full" and "too much" can be told apart.
    private var cap = 0

    init() {
        capacity = 16 << 10
        base = .allocate(byteCount: capacity, alignment: 16)
    }
    deinit { base.deallocate() }

    var filled: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    mutating func start(cap: Int) { (count, self.cap) = (0, cap) }

    /// Free space, never empty.
    mutating func room() throws(ByteFault) -> UnsafeMutableRawBufferPointer {
        if count == capacity { grow(toHold: min(capacity * 2, cap + 1)) }
        guard count <= cap else { throw ByteFault(.overLimit, at: count) }
        return UnsafeMutableRawBufferPointer(start: base + count, count: min(capacity, cap + 1) - count)
    }
    /// Free space for exactly `bytes` more.
    mutating func room(for bytes: Int) throws(ByteFault) -> UnsafeMutableRawBufferPointer {
        guard bytes <= cap - count else { throw ByteFault(.overLimit, at: count) }
        if count + bytes > capacity { grow(toHold: count + bytes) }
        return UnsafeMutableRawBufferPointer(start: base + count, count: bytes)
    }
    /// Counts what a codec wrote into the room it got.
    mutating func wrote(_ bytes: Int) {
        count += bytes
        precondition(count <= capacity, "a codec stays in the room it got")
    }
    func checkCap() throws(ByteFault) {
        guard count <= cap else { throw ByteFault(.overLimit, at: count) }
    }

    private mutating func grow(toHold bytes: Int) {
        guard bytes > capacity else { return }
        let larger = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 16)
        larger.copyMemory(from: base, byteCount: count)
        base.deallocate()
        (base, capacity) = (larger, bytes)
    }
}
