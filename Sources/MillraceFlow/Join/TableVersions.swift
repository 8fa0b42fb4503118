public import MillraceCore

/// The versions of one key of a table, and the rows that wait to know which one was in force.
public struct TableVersions<Left: Storable, Right: Storable>: Storable {
    @usableFromInline var versions = JoinRows<Right>()
    @usableFromInline var waiting = JoinRows<Left>()
    @inlinable init() {}
    @inlinable public func store(into writer: inout ByteWriter) {
        versions.store(into: &writer)
        waiting.store(into: &writer)
    }
    @inlinable public static func load(from reader: inout ByteReader) throws -> TableVersions {
        var made = TableVersions()
        made.versions = try .load(from: &reader)
        made.waiting = try .load(from: &reader)
        return made
    }
    /// The version in force at a time: the latest that is not after it.
    @inlinable func version(asOf time: EventTime) -> Right? {
        let behind = versions.index(from: time + .microseconds(1))
        return behind == 0 ? nil : versions.rows[behind - 1].value
    }
    /// Forgets versions that no row from `time` on can ask for.
    @inlinable mutating func prune(before time: EventTime) {
        let behind = versions.index(from: time + .microseconds(1))
        if behind > 1 { versions.rows.removeFirst(behind - 1) }
    }
}
