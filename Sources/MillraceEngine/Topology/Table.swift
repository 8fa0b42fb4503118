/// A table of the store as a topology names it. Its columns follow from the result that is put into it.
public struct Table: Sendable, Hashable {
    /// Tables whose name says no keyspace live here.
    public static let defaultKeyspace = "app"

    public let keyspace: String
    public let table: String

    /// - Parameter name: `table`, or `keyspace.table`.
    public init(_ name: String) {
        let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
        keyspace = parts.count == 2 ? parts[0] : Self.defaultKeyspace
        table = parts.last ?? name
    }

    public var name: String { keyspace == Self.defaultKeyspace ? table : "\(keyspace).\(table)" }
}
