/// What a statement does to one column.
public enum CellWrite: Sendable {
    /// Replaces the value; of a collection that is not frozen, all of it.
    case set(Value)
    /// Sets the value to null. Not the same as `unset`. Of a collection that is not frozen it deletes what is older, as
    /// `set` does, so that elements which the same commit adds stay.
    case null
    /// DELETE of the column: as `null`, and of a collection also the elements that the same commit adds.
    case deleted
    /// Leaves the column as it is.
    case unset
    /// Adds to the end or the start of a list.
    case append([Value])
    case prepend([Value])
    /// Sets the element of a list at a place that `places(of:in:key:)` gave; nil deletes it.
    case element(ListPlace, Value?)
    /// Adds elements to a set (values), or entries to a map (`.map`).
    case add(Value)
    /// Takes elements out of a set, or entries out of a map by their keys.
    case remove([Value])
    /// One field of a user type that is not frozen; nil deletes it.
    case field(String, Value?)
    /// Adds to a counter.
    case increment(Int64)
}

/// A column and what happens to it.
public struct Assignment: Sendable {
    public var column: TableSchema.Column
    public var write: CellWrite
    public init(_ column: TableSchema.Column, _ write: CellWrite) { (self.column, self.write) = (column, write) }
}

/// CQL's `USING TIMESTAMP … AND TTL …`.
public struct WriteOptions: Sendable {
    /// Microseconds; the commit's id when nil.
    public var timestamp: Int64?
    /// Seconds; the table's default when nil, no expiry when 0.
    public var ttl: Int32?
    public init(timestamp: Int64? = nil, ttl: Int32? = nil) { (self.timestamp, self.ttl) = (timestamp, ttl) }
    public static let none = WriteOptions()
}
