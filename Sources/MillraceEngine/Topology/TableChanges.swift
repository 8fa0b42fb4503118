public import MillraceFlow

extension Table {
    /// What pipelines of this node write into the table, as records for another: each row as it is committed, once, and
    /// in order for each partition key.
    ///
    /// ```swift
    /// struct Views: Record, Codable { var key: String, window_start: EventTime, value: Int }
    ///
    /// clicks.feeds(PageViews()).into(Table("page_views"))
    /// Table("page_views").changes(of: Views.self).feeds(Trends()).into(Table("trends"))
    /// ```
    ///
    /// A record is the row as JSON, an object of its columns; its time is the result's. It begins with the first commit
    /// after the topology has named it: rows that were there before, or that come by another way, are not among them.
    ///
    /// - Parameters:
    ///   - partitions: how many tasks can read at once. All inputs that name the table give the same number.
    ///   - retractions: whether rows that are taken back come, too. They have `"retracted": true` beside their columns.
    public func changes<Element: Record>(
        of _: Element.Type, partitions: Int = 1, retractions: Bool = false
    ) -> TableChanges<Element> {
        TableChanges(
            description: ChangesDescription(
                table: self, partitions: partitions, retractions: retractions,
                elementType: String(describing: Element.self)))
    }
}

/// The changes of a table as an input.
public struct TableChanges<Element: Record>: PipelineInput {
    let description: ChangesDescription
    public var input: InputDescription { .changes(description) }
}

public struct ChangesDescription: Sendable, Hashable {
    public var table: Table
    public var partitions: Int
    public var retractions: Bool
    public var elementType: String

    /// The internal log that carries them.
    public var topic: String { "_changes.\(table.keyspace).\(table.table)" }
}
