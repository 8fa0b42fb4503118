public import MillraceCore

/// Changes give a new schema of the next revision, or a failure and no change.
extension TableSchema {
    public func adding(_ name: String, _ type: ColumnType, isStatic: Bool = false) throws(Failure) -> TableSchema {
        if column(name) != nil {
            throw Failure(.alreadyExists, "table \(fullName) already has a column \(Names.cql(name))", place: fullName)
        }
        guard nextColumnID < ColumnID.max else {
            throw invalid("has used up its \(ColumnID.max) column ids", "Copy it into a new table")
        }
        let column = Column(id: nextColumnID, name: name, type: type, kind: isStatic ? .static : .regular)
        return try with(columns: columns + [column], nextColumnID: nextColumnID + 1)
    }

    public func dropping(_ name: String) throws(Failure) -> TableSchema {
        let column = try require(name)
        if column.isKey { throw invalid("cannot drop \(Names.cql(name)): it is part of the primary key") }
        return try with(columns: columns.filter { $0.id != column.id })
    }

    /// Only key columns: CQL allows no other, since a regular column's old name would have to be kept for its readers.
    public func renaming(_ name: String, to newName: String) throws(Failure) -> TableSchema {
        let column = try require(name)
        guard column.isKey else {
            throw invalid("cannot rename \(Names.cql(name)): only key columns can be renamed")
        }
        if self.column(newName) != nil {
            throw Failure(
                .alreadyExists, "table \(fullName) already has a column \(Names.cql(newName))", place: fullName)
        }
        let renamed = Column(id: column.id, name: newName, type: column.type, kind: column.kind)
        return try with(columns: columns.map { $0.id == column.id ? renamed : $0 })
    }

    /// Seconds; counts for cells written from now on.
    public func with(defaultTTL: Int32) throws(Failure) -> TableSchema {
        try TableSchema(
            keyspace: keyspace, name: self.name, revision: revision &+ 1, columns: columns, defaultTTL: defaultTTL,
            comment: comment, nextColumnID: nextColumnID)
    }

    private func with(columns: [Column], nextColumnID: ColumnID? = nil) throws(Failure) -> TableSchema {
        try TableSchema(
            keyspace: keyspace, name: self.name, revision: revision &+ 1, columns: columns, defaultTTL: defaultTTL,
            comment: comment, nextColumnID: nextColumnID ?? self.nextColumnID)
    }
}
