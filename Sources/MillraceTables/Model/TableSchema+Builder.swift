public import MillraceCore

extension TableSchema {
    /// Puts a table's schema together.
    ///
    ///     let views = try TableSchema.Builder("site", "views")
    ///         .partitionKey("page", .text)
    ///         .clustering("at", .timestamp, .descending)
    ///         .column("count", .bigint)
    ///         .build()
    public struct Builder: Sendable {
        private let keyspace: String
        private let name: String
        private var columns: [Column] = []
        private var ttl: Int32 = 0
        private var comment = ""

        public init(_ keyspace: String, _ name: String) { (self.keyspace, self.name) = (keyspace, name) }

        public func partitionKey(_ name: String, _ type: ColumnType) -> Builder { adding(name, type, .partitionKey) }
        public func clustering(_ name: String, _ type: ColumnType, _ order: SortOrder = .ascending) -> Builder {
            adding(name, type, .clustering(order))
        }
        public func staticColumn(_ name: String, _ type: ColumnType) -> Builder { adding(name, type, .static) }
        public func column(_ name: String, _ type: ColumnType) -> Builder { adding(name, type, .regular) }
        /// Seconds.
        public func defaultTTL(_ seconds: Int32) -> Builder {
            var copy = self
            copy.ttl = seconds
            return copy
        }
        public func comment(_ text: String) -> Builder {
            var copy = self
            copy.comment = text
            return copy
        }

        func adding(_ name: String, _ type: ColumnType, _ kind: Column.Kind) -> Builder {
            var copy = self
            // More columns than ids is refused by `build`, since there are more than the limit allows.
            let id = ColumnID(clamping: columns.count)
            copy.columns.append(Column(id: id, name: name, type: type, kind: kind))
            return copy
        }

        public func build() throws(Failure) -> TableSchema {
            try TableSchema(
                keyspace: keyspace, name: name, revision: 1, columns: columns, defaultTTL: ttl, comment: comment,
                nextColumnID: ColumnID(clamping: columns.count))
        }
    }
}
