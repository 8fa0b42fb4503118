public import MillraceCore

/// Reading the opaque state of pipelines.
extension TableStore {
    /// A moment of everything: rows of all tables and all state, as of one commit.
    public func snapshot() throws(Failure) -> TableSnapshot { TableSnapshot(try database(), clock: clock) }

    /// The newest value of an opaque key.
    public func state(_ key: [UInt8]) throws(Failure) -> [UInt8]? { try database().value([Layout.state] + key) }

    /// Lends the newest value of an opaque key, or nil, without copying it.
    public func state<R>(
        _ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer?) throws(Failure) -> R
    ) throws(Failure) -> R {
        let database = try database()
        var full = ByteWriter(capacity: key.count + 1)
        full.byte(Layout.state)
        full.raw(key)
        return try full.bytes.lending { (full) throws(Failure) in try database.get(full, nil, body) }
    }
}

extension TableSnapshot {
    /// Lends what was noted about the commits before one, the latest first; stops when `body` says false.
    public func provenances(
        before id: CommitID, _ body: (CommitID, UnsafeRawBufferPointer) throws(Failure) -> Bool
    ) throws(Failure) {
        let cursor = DatabaseCursor(snapshot, KeyRange([Layout.commits], Layout.commitKey(id.microseconds)))
        cursor.seekToLast()
        while cursor.isValid {
            let number = Int64(bigEndian: cursor.key.loadUnaligned(fromByteOffset: 1, as: Int64.self))
            guard try body(CommitID(microseconds: number), cursor.value) else { return }
            cursor.previous()
        }
        try cursor.check()
    }

    public func state(_ key: [UInt8]) throws(Failure) -> [UInt8]? {
        try database.value([Layout.state] + key, snapshot)
    }

    /// Lends every opaque key from `lower` to before `upper` (nil: all that begin with `lower`), in order, without
    /// copying; stops when `body` says false.
    public func states(
        from lower: [UInt8], to upper: [UInt8]? = nil,
        _ body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(Failure) -> Bool
    ) throws(Failure) {
        let range =
            upper.map { KeyRange([Layout.state] + lower, [Layout.state] + $0) }
            ?? KeyRange(prefix: [Layout.state] + lower)
        let cursor = DatabaseCursor(snapshot, range)
        cursor.seekToFirst()
        while cursor.isValid {
            let key = UnsafeRawBufferPointer(rebasing: cursor.key[1...])
            guard try body(key, cursor.value) else { return }
            cursor.next()
        }
        try cursor.check()
    }
}
