public import MillraceCore

/// What a column is for.
public enum ColumnRole: Sendable, Hashable { case partitionKey, clusteringKey, regular }

/// What a column holds.
public enum RowColumnType: Sendable, Hashable { case bool, int, double, text, bytes, time }

public struct RowColumn: Sendable, Hashable {
    public var name: String
    public var role: ColumnRole
    public var type: RowColumnType
    public init(name: String, role: ColumnRole, type: RowColumnType) {
        (self.name, self.role, self.type) = (name, role, type)
    }
}

/// The columns of a pipeline's result, in the order of each row's cells.
public struct RowLayout: Sendable {
    public internal(set) var columns: [RowColumn] = []
    /// Why the columns cannot be found out: the plan fails with it.
    public internal(set) var problem: Failure?
    public init() {}
    public mutating func refuse(_ failure: Failure) { problem = problem ?? failure }
    public mutating func add(_ name: String, _ role: ColumnRole, _ type: RowColumnType) {
        columns.append(RowColumn(name: name, role: role, type: type))
    }
    public static func of<Row: RowShape>(_: Row.Type) -> RowLayout {
        var layout = RowLayout()
        Row.shape(into: &layout, name: "value", role: .regular)
        return layout
    }
}

/// A value that is one or more columns of a table's row.
public protocol RowShape {
    /// Adds the columns. A scalar uses `name`; a struct may use the names of its fields.
    static func shape(into layout: inout RowLayout, name: String, role: ColumnRole)
    /// Appends one cell for each column of `shape`.
    func write(to row: inout RowBuffer)
    /// What the row asks of the table.
    var rowOperation: RowOperation { get }
}

public enum RowOperation: UInt8, Sendable, Hashable {
    case upsert
    /// Takes back a row sent before, with the cells it had.
    case retract
}

extension RowShape {
    @inlinable public var rowOperation: RowOperation { .upsert }
}

extension RowShape where Self: FixedWidthInteger {
    public static func shape(into layout: inout RowLayout, name: String, role: ColumnRole) {
        layout.add(name, role, .int)
    }
    @inlinable public func write(to row: inout RowBuffer) { row.int(Int64(truncatingIfNeeded: self)) }
}
extension Int: RowShape {}
extension Int8: RowShape {}
extension Int16: RowShape {}
extension Int32: RowShape {}
extension Int64: RowShape {}
extension UInt: RowShape {}
extension UInt8: RowShape {}
extension UInt16: RowShape {}
extension UInt32: RowShape {}
extension UInt64: RowShape {}

extension Bool: RowShape {
    public static func shape(into layout: inout RowLayout, name: String, role: ColumnRole) {
        layout.add(name, role, .bool)
    }
    @inlinable public func write(to row: inout RowBuffer) { row.bool(self) }
}
extension Double: RowShape {
    public static func shape(into layout: inout RowLayout, name: String, role: ColumnRole) {
        layout.add(name, role, .double)
    }
    @inlinable public func write(to row: inout RowBuffer) { row.double(self) }
}
extension Float: RowShape {
    public static func shape(into layout: inout RowLayout, name: String, role: ColumnRole) {
        layout.add(name, role, .double)
    }
    @inlinable public func write(to row: inout RowBuffer) { row.double(Double(self)) }
}
extension String: RowShape {
    public static func shape(into layout: inout RowLayout, name: String, role: ColumnRole) {
        layout.add(name, role, .text)
    }
    @inlinable public func write(to row: inout RowBuffer) { row.text(self) }
}
extension EventTime: RowShape {
    public static func shape(into layout: inout RowLayout, name: String, role: ColumnRole) {
        layout.add(name, role, .time)
    }
    @inlinable public func write(to row: inout RowBuffer) { row.time(self) }
}
extension TimeSpan: RowShape {
    public static func shape(into layout: inout RowLayout, name: String, role: ColumnRole) {
        layout.add(name, role, .int)
    }
    @inlinable public func write(to row: inout RowBuffer) { row.int(microseconds) }
}
extension Optional: RowShape where Wrapped: RowShape {
    public static func shape(into layout: inout RowLayout, name: String, role: ColumnRole) {
        Wrapped.shape(into: &layout, name: name, role: role)
    }
    public func write(to row: inout RowBuffer) {
        guard let self else {
            for _ in RowLayout.of(Wrapped.self).columns { row.null() }
            return
        }
        self.write(to: &row)
    }
}
extension Keyed: RowShape where Key: RowShape, Value: RowShape {
    public static func shape(into layout: inout RowLayout, name: String, role: ColumnRole) {
        Key.shape(into: &layout, name: "key", role: .partitionKey)
        Value.shape(into: &layout, name: name, role: .regular)
    }
    @inlinable public func write(to row: inout RowBuffer) {
        key.write(to: &row)
        value.write(to: &row)
    }
}
