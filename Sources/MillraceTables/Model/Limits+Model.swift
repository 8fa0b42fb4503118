public import MillraceCore

extension Limits {
    /// Levels a type may nest. Decoding recurses by type, so this bounds the stack.
    public static let typeDepth = 16
    /// Fields of a tuple or user type: more is a table that was not made.
    public static let typeFields = 256
    /// Characters of a keyspace, table or user type name: Cassandra's own limit, since names become its files.
    public static let nameCharacters = 48
    /// UTF-8 bytes of a column or field name.
    public static let columnNameBytes = 255
    /// Bytes of a serialised partition key: its components carry 16-bit lengths, and Cassandra refuses more.
    public static let partitionKeyBytes = 65_535
    /// Bytes of one encoded clustering key; RocksDB keeps keys whole in every index block that names them.
    public static let clusteringKeyBytes = 65_535
    /// Bytes of a varint, or of a decimal's digits. Turning them into text costs the square of this.
    public static let bigNumberBytes = 4_096
    /// Bytes of one value: what a frame of CQL's protocol may carry, and what one write batch can hold in memory.
    public static let valueBytes = 64 << 20
    /// Seconds of a time to live: Cassandra's 20 years.
    public static let timeToLiveSeconds: Int32 = 630_720_000
    /// Bytes of an encoded schema: a thousand columns with long names and deep types fit.
    public static let schemaBytes = 4 << 20
}
