public import MillraceCore

/// Rows of a table as lines of JSON or CSV, both ways.
public enum RowText {
    /// A column's content as read: nil is null, and a column that is not named is left out.
    public typealias Fields = [(column: TableSchema.Column, value: Value?)]

    /// One JSON object without a line end.
    public static func json(
        _ values: some Collection<Value?>, of columns: some Collection<TableSchema.Column>,
        into writer: inout ByteWriter
    ) {
        writer.byte(UInt8(ascii: "{"))
        for (i, (column, value)) in zip(columns, values).enumerated() {
            if i > 0 { writer.byte(UInt8(ascii: ",")) }
            ValueJSON.quote(column.name, into: &writer)
            writer.byte(UInt8(ascii: ":"))
            ValueJSON.write(value, as: column.type, into: &writer)
        }
        writer.byte(UInt8(ascii: "}"))
    }

    /// Reads one JSON object, which may name columns in any order. `line` is its number, for messages.
    public static func fields(
        json line: UnsafeRawBufferPointer, number: Int = 1, of schema: TableSchema
    ) throws(TextFault) -> Fields {
        guard line.count <= Limits.rowTextBytes else {
            throw TextFault("a row above \(Limits.rowTextBytes) bytes", line: number)
        }
        let tree = try JSONParser.parse(line, line: number)
        guard case .object(let members) = tree.node else { throw tree.fault("expected an object, found \(tree.kind)") }
        var fields: Fields = []
        fields.reserveCapacity(members.count)
        for member in members {
            guard let column = schema.column(member.key) else {
                throw member.value.fault(unknown(member.key, in: schema))
            }
            fields.append((column, try ValueJSON.value(member.value, as: column.type)))
        }
        return fields
    }

    /// One CSV record without a line end. Collections, tuples and user types stand as JSON.
    public static func csv(
        _ values: some Collection<Value?>, of columns: some Collection<TableSchema.Column>, separator: Character = ",",
        into writer: inout ByteWriter
    ) {
        for (i, (column, value)) in zip(columns, values).enumerated() {
            if i > 0 { writer.text(String(separator)) }
            CSVParser.write(value.map { plain($0, as: column.type) }, separator: separator, into: &writer)
        }
    }

    /// The columns that a CSV header names.
    public static func columns(
        csv header: [CSVParser.Field], of schema: TableSchema
    ) throws(TextFault) -> [TableSchema.Column] {
        var columns: [TableSchema.Column] = []
        for field in header {
            guard let column = schema.column(field.text) else {
                throw TextFault(unknown(field.text, in: schema), line: field.line, column: field.column)
            }
            if columns.contains(where: { $0.id == column.id }) {
                throw TextFault("column \(field.text) is named twice", line: field.line, column: field.column)
            }
            columns.append(column)
        }
        return columns
    }

    /// Reads one CSV record under a header.
    public static func fields(
        csv record: [CSVParser.Field], of columns: [TableSchema.Column]
    ) throws(TextFault) -> Fields {
        guard record.count == columns.count else {
            let place = record.last ?? CSVParser.Field(text: "", isQuoted: false, line: 1, column: 1)
            throw TextFault(
                "\(record.count) fields under a header of \(columns.count)", line: place.line, column: place.column)
        }
        var fields: Fields = []
        for (field, column) in zip(record, columns) {
            if field.isNull {
                fields.append((column, nil))
                continue
            }
            do throws(TextFault) {
                fields.append((column, try value(field.text, as: column.type)))
            } catch {
                throw TextFault("column \(column.name): \(error.message)", line: field.line, column: field.column)
            }
        }
        return fields
    }

    /// A value as people write it alone: scalars plainly, everything else as JSON.
    public static func plain(_ value: Value, as type: ColumnType) -> String {
        ScalarText.text(value) ?? ValueJSON.text(value, as: type)
    }

    /// Reads what `plain` writes.
    public static func value(_ text: String, as type: ColumnType) throws(TextFault) -> Value {
        if type.isComposed {
            let tree = try JSONParser.parse(text)
            guard let value = try ValueJSON.value(tree, as: type) else {
                throw tree.fault("null is not a \(type)")
            }
            return value
        }
        guard let value = ScalarText.value(text, as: type) else {
            throw TextFault("'\(text)' is not a \(type); expected \(ScalarText.example(of: type))")
        }
        return value
    }

    private static func unknown(_ name: String, in schema: TableSchema) -> String {
        "table \(schema.fullName) has no column \"\(name)\"; it has "
            + schema.columns.map(\.name).joined(separator: ", ")
    }
}
