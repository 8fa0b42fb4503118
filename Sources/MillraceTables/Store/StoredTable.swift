public import MillraceCore

/// A table as it is at one revision of its schema. A commit built with an older revision stays valid: cells name their
/// columns by ids that are never reused.
public final class StoredTable: Sendable {
    public let id: UInt32
    public let schema: TableSchema
    /// How long tombstones stay for writers that bring older timestamps. Zero when timestamps come from commits alone:
    /// then deleting is free of residue.
    public let tombstoneGrace: TimeSpan
    let droppedColumns: Set<UInt32>
    let facts: TableFacts
    let prefix: [UInt8]
    let hasStatics: Bool
    let partitionColumns: Int
    let keyColumns: Int
    let isCounter: Bool

    /// Of the partition key's only column, when it is of a type that `RowKey` writes without looking at the schema.
    let simplePartition: RowKey.Simple
    /// Bytes of a clustering key when any bytes of this number are one; nil when it has to be looked at.
    let plainClustering: Int?
    /// All columns outside the key, in the schema's order.
    let everything: Projection

    init(
        id: UInt32, schema: TableSchema, tombstoneGrace: TimeSpan, droppedColumns: Set<UInt32>, facts: TableFacts
    ) {
        (self.id, self.schema, self.tombstoneGrace, self.facts) = (id, schema, tombstoneGrace, facts)
        self.droppedColumns = droppedColumns
        partitionColumns = schema.partitionKey.count
        simplePartition = RowKey.Simple(schema)
        keyColumns = partitionColumns + schema.clustering.count
        plainClustering = KeyDecoder.plainSize(schema.clustering.map(\.type))
        everything = Projection(schema, schema.columns.filter { !$0.isKey })
        prefix = Layout.tablePrefix(id)
        hasStatics = !schema.statics.isEmpty
        isCounter = schema.isCounterTable
    }

    public var name: String { schema.fullName }
    var rows: KeyRange { KeyRange(prefix: prefix) }
}
