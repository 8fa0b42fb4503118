public import MillraceCore
internal import Synchronization

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
        everything = Projection(schema, schema.columns.filter { !$0.isKey })
        prefix = Layout.tablePrefix(id)
        hasStatics = !schema.statics.isEmpty
        isCounter = schema.isCounterTable
    }

    public var name: String { schema.fullName }
    var rows: KeyRange { KeyRange(prefix: prefix) }
}

/// What a table's writers have done that readers and later writers have to know. Shared by all revisions.
final class TableFacts: Sendable {
    /// The largest timestamp that was ahead of its commit. Up to it, overwriting a row unseen could hide newer cells.
    let future: Atomic<Int64>
    /// Some partition has a list of range deletions.
    let hasRanges: Atomic<Bool>

    init(future: Int64 = .min, hasRanges: Bool = false) {
        self.future = Atomic(future)
        self.hasRanges = Atomic(hasRanges)
    }

    var encoded: [UInt8] {
        Layout.bigEndian(future.load(ordering: .relaxed)) + [hasRanges.load(ordering: .relaxed) ? 1 : 0]
    }

    convenience init(decoding bytes: [UInt8]) throws(ByteFault) {
        let (future, flag) = try bytes.lending { (raw) throws(ByteFault) in
            var reader = ByteReader(raw)
            let facts = (try reader.integer(Int64.self), try reader.byte())
            try reader.expectEnd()
            return facts
        }
        self.init(future: future, hasRanges: flag != 0)
    }
}
