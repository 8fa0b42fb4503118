public import MillraceCore

/// Owns a window step's state and turns it into bytes and back.
///
/// Keys: `entry ‖ slice start ‖ key`, and one `header` with the open slices.
@usableFromInline final class WindowSlot<Key: StreamKey, Accumulator: Storable>: StateSlot {
    @usableFromInline let core: WindowCore<Key, Accumulator>
    @usableFromInline let name: String
    @usableFromInline let schema: StateSchema
    /// What the schema's layout begins with: the key and the window.
    private let frame: String
    private let migrate: (inout ByteReader, Int) throws -> Accumulator?
    private var schemaIsStored = false

    @usableFromInline init(
        _ core: WindowCore<Key, Accumulator>, schema: StateSchema, frame: String,
        migrate: @escaping (inout ByteReader, Int) throws -> Accumulator?
    ) {
        (self.core, self.schema, self.frame, self.migrate) = (core, schema, frame, migrate)
        name = core.words.pointee.name
    }
    deinit { core.destroy() }

    @usableFromInline var bound: String {
        let rule = core.words.pointee.rule
        let size = PaneTable<Key, PaneState<Accumulator>>.entryBytes
        let kept = rule.window.isShared ? "slice" : "open window"
        return "\(size) bytes a key and \(kept)\(rule.openWindows); cold keys leave memory when the budget is short"
    }
    @usableFromInline var entries: Int { core.words.pointee.slices.reduce(0) { $0 + $1.table.count } }
    @usableFromInline var bytes: Int {
        core.words.pointee.slices.reduce(core.spareBytes) { $0 + $1.table.bytes }
    }
    @usableFromInline var awaitsTime: Bool { !core.words.pointee.slices.isEmpty }

    @usableFromInline func takeDelta(into delta: inout StateDelta) {
        let words = core.words
        for slice in words.pointee.dropped {
            forget(slice, &delta)
            core.giveBack(slice.table)
        }
        words.pointee.dropped.removeAll()
        for slice in words.pointee.slices {
            var prefix = ByteWriter()
            core.writePrefix(slice.start, &prefix)
            slice.table.takeDirty { key, state, wasStored in
                delta.put(isFresh: !wasStored) {
                    $0.raw(prefix.bytes)
                    key.store(into: &$0)
                } value: {
                    state.store(into: &$0)
                }
            }
        }
        guard words.pointee.headerIsDirty else { return }
        words.pointee.headerIsDirty = false
        if !schemaIsStored { schema.store(name, into: &delta) }
        schemaIsStored = true
        delta.put(key: { StateSchema.writePrefix(name, .header, into: &$0) }) { writer in
            writer.integer(words.pointee.firedThrough)
            writer.unsignedVarint(UInt64(words.pointee.slices.count))
            for slice in words.pointee.slices {
                writer.integer(slice.start)
                writer.integer(slice.end)
                writer.byte(slice.isFired ? 1 : 0)
                writer.integer(slice.reportAt.microseconds)
            }
        }
    }

    private func forget(_ slice: Slice<Key, Accumulator>, _ delta: inout StateDelta) {
        if slice.isComplete {
            slice.table.forEachStored { key in delta.remove { self.writeKey(slice.start, key, &$0) } }
            return
        }
        core.scanStored(slice.start) { key, _ in delta.remove { $0.raw(key) } }
    }
    private func writeKey(_ start: Int64, _ key: Key, _ writer: inout ByteWriter) {
        core.writePrefix(start, &writer)
        key.store(into: &writer)
    }

    @usableFromInline func restore(from reader: any StateReader, watermark: EventTime) throws(Failure) {
        let older = try schema.check(name, frame: frame, in: reader)
        let words = core.words
        var fault: (any Error)?
        try StateSchema.prefix(name, .header).lending { (key) throws(Failure) in
            try reader.read(key) { bytes in
                guard let bytes else { return }
                self.schemaIsStored = true
                do { try self.readHeader(bytes) } catch { fault = error }
            }
        }
        if let fault {
            throw Failure(.corrupt, "the windows of state \"\(name)\" cannot be read", place: name, cause: fault)
        }
        words.pointee.reader = reader
        if let older { bringOver(from: older) }
        core.findDue()
    }
    /// Reads everything that an older version wrote, and takes it as changed: the next commit holds all of it anew.
    private func bringOver(from older: Int) {
        let words = core.words
        (schemaIsStored, words.pointee.headerIsDirty) = (false, true)
        let missing = schema.noMigration(name, from: older)
        for index in words.pointee.slices.indices {
            words.pointee.slices[index].isComplete = core.load(words.pointee.slices[index], isDirty: true) { bytes in
                var input = ByteReader(bytes)
                let state = try PaneState<Accumulator>.load(from: &input) { input in
                    guard let made = try self.migrate(&input, older) else { throw missing }
                    return made
                }
                try input.expectEnd()
                return state
            }
        }
    }
    private func readHeader(_ bytes: UnsafeRawBufferPointer) throws {
        let words = core.words
        var input = ByteReader(bytes)
        words.pointee.firedThrough = try input.integer()
        let count = try input.checked(count: try input.unsignedVarint(), minimumElementBytes: 25, limit: .max)
        for _ in 0..<count {
            let table = PaneTable<Key, PaneState<Accumulator>>(capacity: 8, seed: words.pointee.seed)
            var slice = Slice(start: try input.integer(), end: try input.integer(), table: table)
            slice.isFired = try input.byte() != 0
            slice.isComplete = false
            slice.reportAt = try .load(from: &input)
            words.pointee.slices.append(slice)
            words.pointee.nextWall = min(words.pointee.nextWall, slice.reportAt)
        }
        try input.expectEnd()
    }

    @usableFromInline func evict(bytes: Int) -> Int {
        guard core.words.pointee.reader != nil else { return 0 }
        var freed = core.spareBytes
        core.freeSpare()
        // The latest windows are the least likely to be asked for soon.
        for index in core.words.pointee.slices.indices.reversed() where freed < bytes {
            let slice = core.words.pointee.slices[index]
            let before = slice.table.bytes
            if slice.table.evictStored() > 0 { core.words.pointee.slices[index].isComplete = false }
            freed += before - slice.table.bytes
        }
        return freed
    }
}

extension WindowCore {
    /// The window's start, biased so that bytes sort as times do.
    @usableFromInline func writePrefix(_ start: Int64, _ writer: inout ByteWriter) {
        StateSchema.writePrefix(words.pointee.name, .entry, into: &writer)
        writer.integer(UInt64(bitPattern: start) ^ (1 << 63))
    }

    @usableFromInline func scanStored(
        _ start: Int64, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
    ) {
        guard let reader = words.pointee.reader else { return }
        var prefix = ByteWriter()
        writePrefix(start, &prefix)
        words.pointee.faults.reading(words.pointee.name) {
            try prefix.bytes.lending { (bytes) throws(Failure) in
                try reader.scan(prefix: bytes) { key, value in
                    body(key, value)
                    return true
                }
            }
        }
    }

    /// What the store has of a key of the current slice.
    @usableFromInline func readThrough(_ key: Key) -> PaneState<Accumulator>? {
        guard let reader = words.pointee.reader else { return nil }
        var bytes = ByteWriter()
        writePrefix(words.pointee.start, &bytes)
        key.store(into: &bytes)
        var found: PaneState<Accumulator>?
        let faults = words.pointee.faults
        faults.reading(words.pointee.name) {
            try bytes.bytes.lending { (lent) throws(Failure) in
                try reader.read(lent) { value in
                    guard let value else { return }
                    faults.reading(words.pointee.name) { found = try WindowCore.decode(value) }
                }
            }
        }
        return found
    }

    @usableFromInline static func decode(_ bytes: UnsafeRawBufferPointer) throws -> PaneState<Accumulator> {
        var input = ByteReader(bytes)
        let state = try State.load(from: &input)
        try input.expectEnd()
        return state
    }

    /// Brings in the keys of a slice that only the store has. Returns true: the slice is complete now.
    @usableFromInline func load(_ slice: Slice<Key, Accumulator>) -> Bool {
        load(slice, isDirty: false) { try WindowCore.decode($0) }
    }
    func load(
        _ slice: Slice<Key, Accumulator>, isDirty: Bool,
        _ decode: (UnsafeRawBufferPointer) throws -> PaneState<Accumulator>
    ) -> Bool {
        guard !slice.isComplete else { return true }
        var prefix = ByteWriter()
        writePrefix(slice.start, &prefix)
        scanStored(slice.start) { keyBytes, value in
            words.pointee.faults.reading(words.pointee.name) {
                var input = ByteReader(UnsafeRawBufferPointer(rebasing: keyBytes[prefix.count...]))
                let key = try Key.load(from: &input)
                guard slice.table.find(key) < 0 else { return }
                _ = slice.table.insert(key, try decode(value), stored: true, dirty: isDirty)
            }
        }
        return true
    }
}
