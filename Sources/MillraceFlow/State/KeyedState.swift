public import MillraceCore

/// One value per key, kept across commits: what every keyed step but a window stands on.
///
/// A handle, made in `makeState` by `StageSetup.keyedState` and owned by the setup. A key that is not in memory is read
/// from the store when it is asked for. With a deadline, entries are kept in the order of when they end, and are all
/// brought into memory at a restore.
public struct KeyedState<Key: StreamKey, Value: Storable>: BitwiseCopyable {
    @usableFromInline typealias Table = PaneTable<Key, Value>
    @usableFromInline struct Words {
        @usableFromInline let table: Table
        @usableFromInline let name: String
        @usableFromInline var reader: (any StateReader)?
        /// The table has every key that the store has.
        @usableFromInline var isComplete = true
        /// Removed since the last delta, and still in the store.
        @usableFromInline var removed: Set<Key> = []
        @usableFromInline var deadlines = DeadlineQueue<Key>()
        @usableFromInline let faults: StageFaults
        @usableFromInline init(table: Table, name: String, faults: StageFaults) {
            (self.table, self.name, self.faults) = (table, name, faults)
        }
    }
    @usableFromInline let words: UnsafeMutablePointer<Words>
    @usableFromInline let table: Table

    init(seed: UInt64, name: String, faults: StageFaults) {
        table = Table(capacity: 16, seed: seed)
        words = .allocate(capacity: 1)
        words.initialize(to: Words(table: table, name: name, faults: faults))
    }
    func destroy() {
        table.destroy()
        words.deinitialize(count: 1)
        words.deallocate()
    }

    public var count: Int { table.count }

    /// The value of a key, to change in place until the state is next touched; made by `initial` when there is none.
    @inlinable @inline(__always) public func update(
        _ key: Key, initial: () throws -> Value
    ) rethrows -> UnsafeMutablePointer<Value> {
        try table.slot(of: key) {
            if let found = missing(key) { return (found, true) }
            return (try initial(), false)
        }
    }
    /// The value of a key, to look at until the state is next touched.
    @inlinable @inline(__always) public func find(_ key: Key) -> UnsafeMutablePointer<Value>? {
        let index = table.find(key)
        if index >= 0 { return table.value(at: index) }
        guard let found = missing(key) else { return nil }
        return table.insert(key, found, stored: true, dirty: false)
    }
    @inlinable public func get(_ key: Key) -> Value? { find(key)?.pointee }
    @inlinable public func set(_ key: Key, _ value: Value) { update(key) { value }.pointee = value }
    /// Returns whether there was one.
    @inlinable @discardableResult public func remove(_ key: Key) -> Bool {
        if let gone = table.remove(key) {
            if gone.stored { words.pointee.removed.insert(key) }
            return true
        }
        guard missing(key) != nil else { return false }
        words.pointee.removed.insert(key)
        return true
    }
    /// Every entry in the order of hashes; brings all of them into memory.
    @inlinable public func forEach(_ body: (Key, UnsafeMutablePointer<Value>) throws -> Void) rethrows {
        loadAll()
        try table.forEachOrdered(body)
    }
    /// `expire` will be called for the key once the time that `deadline` of the value gives has come. Ask again with
    /// every new key; a deadline that moves later needs no call.
    @inlinable public func watch(_ key: Key, until deadline: EventTime) {
        words.pointee.deadlines.push(deadline, key)
    }
    /// The earliest time at which `expire` may find something.
    @inlinable @inline(__always) public var nextDeadline: EventTime { words.pointee.deadlines.next }

    /// Calls `body` for every watched key whose time is `now` or earlier, in the order of time and hash. `deadline`
    /// says when the value really ends; a later one puts the key back. `body` usually removes the key.
    @inlinable public func expire(
        _ now: EventTime, deadline: (Value) -> EventTime, _ body: (Key, UnsafeMutablePointer<Value>) throws -> Void
    ) rethrows {
        while let key = words.pointee.deadlines.pop(now) {
            let index = table.find(key)
            guard index >= 0 else { continue }
            let end = deadline(table.value(at: index).pointee)
            if end > now {
                watch(key, until: end)
            } else {
                try body(key, table.value(at: index))
            }
        }
    }

    @inlinable @inline(__always) func missing(_ key: Key) -> Value? {
        words.pointee.isComplete ? nil : stored(key)
    }
    @usableFromInline func stored(_ key: Key) -> Value? {
        guard let reader = words.pointee.reader else { return nil }
        if words.pointee.removed.contains(key) { return nil }
        var bytes = ByteWriter()
        StateSchema.writePrefix(words.pointee.name, .entry, into: &bytes)
        key.store(into: &bytes)
        var found: Value?
        let faults = words.pointee.faults
        faults.reading(words.pointee.name) {
            try bytes.bytes.lending { (lent) throws(Failure) in
                try reader.read(lent) { value in
                    guard let value else { return }
                    faults.reading(words.pointee.name) { found = try KeyedState.decode(value) }
                }
            }
        }
        return found
    }
    static func decode(_ bytes: UnsafeRawBufferPointer) throws -> Value {
        var input = ByteReader(bytes)
        let value = try Value.load(from: &input)
        try input.expectEnd()
        return value
    }
    @usableFromInline func loadAll() { loadAll(isDirty: false) { try KeyedState.decode($0) } }
    /// Brings in every key that only the store has; as changed ones when their bytes will be others.
    func loadAll(isDirty: Bool, _ decode: (UnsafeRawBufferPointer) throws -> Value) {
        guard !words.pointee.isComplete, let reader = words.pointee.reader else { return }
        words.pointee.isComplete = true
        let gone = words.pointee.removed
        let prefix = StateSchema.prefix(words.pointee.name, .entry)
        let faults = words.pointee.faults
        faults.reading(words.pointee.name) {
            try prefix.lending { (lent) throws(Failure) in
                try reader.scan(prefix: lent) { keyBytes, value in
                    faults.reading(words.pointee.name) {
                        var input = ByteReader(UnsafeRawBufferPointer(rebasing: keyBytes[prefix.count...]))
                        let key = try Key.load(from: &input)
                        if self.table.find(key) < 0, !gone.contains(key) {
                            _ = self.table.insert(key, try decode(value), stored: true, dirty: isDirty)
                        }
                    }
                    return true
                }
            }
        }
    }
}

/// Keys by the time at which they want attention; a key may be in it more than once.
@usableFromInline struct DeadlineQueue<Key: StreamKey> {
    @usableFromInline struct Entry {
        @usableFromInline var time: EventTime
        @usableFromInline var hash: UInt64
        @usableFromInline var key: Key
        @inlinable init(time: EventTime, hash: UInt64, key: Key) {
            (self.time, self.hash, self.key) = (time, hash, key)
        }
        /// Equal times go by hash: the order must not follow from how the heap came about.
        @inlinable func isBefore(_ other: Entry) -> Bool {
            time != other.time ? time < other.time : hash < other.hash
        }
    }
    @usableFromInline var heap: [Entry] = []
    @inlinable init() {}

    @inlinable var next: EventTime { heap.first?.time ?? .distantFuture }

    @inlinable mutating func push(_ time: EventTime, _ key: Key) {
        heap.append(Entry(time: time, hash: key.streamHash(seed: 0), key: key))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].isBefore(heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }
    /// The first key whose time is `now` or earlier.
    @inlinable mutating func pop(_ now: EventTime) -> Key? {
        guard let first = heap.first, first.time <= now else { return nil }
        let last = heap.removeLast()
        guard !heap.isEmpty else { return first.key }
        heap[0] = last
        var parent = 0
        while true {
            var child = parent * 2 + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1].isBefore(heap[child]) { child += 1 }
            guard heap[child].isBefore(heap[parent]) else { break }
            heap.swapAt(child, parent)
            parent = child
        }
        return first.key
    }
}
