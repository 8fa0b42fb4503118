public import MillraceCore

extension Limits {
    /// Columns of one table.
    public static let columnsPerTable = 1_000
}
