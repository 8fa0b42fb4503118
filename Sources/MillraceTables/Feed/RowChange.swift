import MillraceCore

/// One change of a table, as it was committed.
public struct RowChange: Sendable {
    /// A collection that is replaced comes as the deletion of all it held, then its parts.
    public struct Cell: Sendable {
        public var column: TableSchema.Column
        /// One element of a collection, or one field of a user type; else the whole column.
        public var isPart: Bool
        /// Which part: the set's element, the map's key, the user type's field; nil for the whole column and for
        /// lists, whose places mean nothing outside.
        public var element: Value?
        /// nil: deleted. Of a part the part's value.
        public var value: Value?
        public var timestamp: Int64
        /// Seconds since 1970 at which it ends.
        public var expiry: Int64?
    }
    public enum Kind: Sendable {
        /// Cells of a row were written. `isInsert`: the row exists by itself from now on.
        case row(isInsert: Bool)
        /// Static cells were written; the key is the partition's.
        case fixed
        /// The row was deleted.
        case rowDeleted
        /// Rows were deleted; the key is the partition's.
        case rangeDeleted(DeletedRange)
    }
    /// Which rows of a partition a deletion took.
    public struct DeletedRange: Sendable {
        let lower: [UInt8]
        let upper: [UInt8]
        /// The static columns too.
        public let isWholePartition: Bool
    }

    public let commit: CommitID
    public let table: StoredTable
    public let kind: Kind
    /// Partition key and clustering columns.
    public let key: [Value]
    public let cells: [Cell]
}

/// What a subscriber gets.
public enum ChangeStep: Sendable {
    /// In the order of commits, and within a commit of its statements; whole commits only.
    case changes([RowChange])
    /// Commits up to `resumesAfter` are gone, and with them changes the subscriber did not see. Read the table, then
    /// go on.
    case gap(resumesAfter: CommitID)
    /// Nothing new. `whenReady` says when.
    case nothing
    /// The store was closed.
    case closed
}
