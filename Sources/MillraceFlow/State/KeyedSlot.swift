public import MillraceCore

extension StageSetup {
    /// Keyed state of a step.
    /// - Parameters:
    ///   - name: stable across releases, and no other step's of the pipeline.
    ///   - version: raise it when the stored value changes its meaning.
    ///   - migrate: reads a value of an older version; `nil` when it cannot. Called at a restore, before any record.
    ///   - deadline: when a value ends, for state that is watched; it makes a restore read all of it.
    @inlinable public func keyedState<Key: StreamKey, Value: Storable>(
        _ name: String, key: Key.Type, value: Value.Type, version: Int = 1,
        deadline: ((Value) -> EventTime)? = nil, migrate: ((inout ByteReader, Int) throws -> Value?)? = nil
    ) -> KeyedState<Key, Value> {
        let slot = KeyedSlot<Key, Value>(
            name: name, setup: self, version: version, migrate: migrate, deadline: deadline)
        add(slot)
        return slot.state
    }
}

/// Owns keyed state and turns it into bytes and back. Keys: `entry ‖ key`.
@usableFromInline final class KeyedSlot<Key: StreamKey, Value: Storable>: StateSlot {
    @usableFromInline let state: KeyedState<Key, Value>
    @usableFromInline let name: String
    @usableFromInline let schema: StateSchema
    private let deadline: ((Value) -> EventTime)?
    private let migrate: ((inout ByteReader, Int) throws -> Value?)?
    private var schemaIsStored = false

    @usableFromInline init(
        name: String, setup: StageSetup, version: Int, migrate: ((inout ByteReader, Int) throws -> Value?)?,
        deadline: ((Value) -> EventTime)?
    ) {
        state = KeyedState(seed: setup.seed, name: name, faults: setup.faults)
        self.name = name
        (self.deadline, self.migrate) = (deadline, migrate)
        schema = StateSchema(version: version, layout: "\(Key.self) \(Value.self)")
    }
    deinit { state.destroy() }

    @usableFromInline var bound: String {
        let size = "\(PaneTable<Key, Value>.entryBytes) bytes a key"
        // What has deadlines is needed in their order.
        return deadline == nil
            ? size + "; cold keys leave memory when the budget is short" : size + ", in memory until it ends"
    }
    @usableFromInline var entries: Int { state.table.count }
    @usableFromInline var bytes: Int { state.table.bytes }
    @usableFromInline var awaitsTime: Bool { deadline != nil && entries > 0 }

    @usableFromInline func takeDelta(into delta: inout StateDelta) {
        for key in state.words.pointee.removed { delta.remove { self.writeKey(key, &$0) } }
        state.words.pointee.removed.removeAll()
        state.table.takeDirty { key, value, wasStored in
            if !schemaIsStored {
                schema.store(name, into: &delta)
                schemaIsStored = true
            }
            delta.put(isFresh: !wasStored, key: { self.writeKey(key, &$0) }) { value.store(into: &$0) }
        }
    }
    private func writeKey(_ key: Key, _ writer: inout ByteWriter) {
        StateSchema.writePrefix(name, .entry, into: &writer)
        key.store(into: &writer)
    }

    @usableFromInline func restore(from reader: any StateReader, watermark: EventTime) throws(Failure) {
        let older = try schema.check(name, frame: "\(Key.self) ", in: reader)
        state.words.pointee.reader = reader
        state.words.pointee.isComplete = false
        if let older {
            guard let migrate else { throw schema.noMigration(name, from: older) }
            let missing = schema.noMigration(name, from: older)
            state.loadAll(isDirty: true) { bytes in
                var input = ByteReader(bytes)
                guard let value = try migrate(&input, older) else { throw missing }
                try input.expectEnd()
                return value
            }
        }
        guard let deadline else { return }
        state.loadAll()
        state.table.forEach { key, value in state.watch(key, until: deadline(value.pointee)) }
    }
    @usableFromInline func evict(bytes: Int) -> Int {
        // What has deadlines stays: it is needed in order.
        guard state.words.pointee.reader != nil, deadline == nil else { return 0 }
        let before = state.table.bytes
        if state.table.evictStored() > 0 { state.words.pointee.isComplete = false }
        return before - state.table.bytes
    }
}
