import MillraceCore

/// What has to hold for a commit to be applied. Checked when its turn comes, alone with the partitions it asks about.
public struct Condition: Sendable {
    public enum Test: Sendable {
        case exists
        case notExists
        /// The column's value stands in this relation to the given one; nil is null.
        case column(TableSchema.Column, Relation, Value?)
    }
    public enum Relation: Sendable { case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual }

    public let table: StoredTable
    /// Partition key and clustering columns; the partition key alone asks about static columns.
    public let key: [Value]
    public let tests: [Test]

    public init(_ table: StoredTable, key: [Value], _ tests: [Test]) {
        (self.table, self.key, self.tests) = (table, key, tests)
    }
}

/// What became of a conditional commit.
public enum Attempt: Sendable {
    case applied(CommitID)
    /// For each condition the row it met, or nil where there is none.
    case refused([Row?])

    public var isApplied: Bool { if case .applied = self { true } else { false } }
}

extension Commit {
    /// IF …: the commit is applied only if every condition holds.
    public mutating func require(_ condition: Condition) { conditions.append(condition) }
    /// IF NOT EXISTS.
    public mutating func requireAbsent(_ table: StoredTable, key: [Value]) {
        conditions.append(Condition(table, key: key, [.notExists]))
    }
    /// IF EXISTS.
    public mutating func requirePresent(_ table: StoredTable, key: [Value]) {
        conditions.append(Condition(table, key: key, [.exists]))
    }
}
