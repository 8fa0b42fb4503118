internal import MillraceCore
internal import MillraceFlow

/// Rows as lines of JSON: an object a row, with the columns' names. A row that is taken back says so first.
enum RowLines {
    private static let flag = "retracted"
    /// How the line of a retracted row begins.
    static let retraction = Array("{\"\(flag)\":true".utf8)

    static func write(_ rows: RowBuffer) -> [UInt8] {
        var out = ByteWriter(capacity: rows.byteCount * 2)
        let names = rows.layout.columns.map(\.name)
        rows.forEach { row, cells in
            write(rows, row, cells, names, into: &out)
            out.byte(UInt8(ascii: "\n"))
        }
        return out.bytes
    }

    /// Lends each row's partition key as text, and its line.
    static func forEach(
        _ rows: RowBuffer, _ body: (_ row: Int, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void
    ) {
        let columns = rows.layout.columns
        let names = columns.map(\.name)
        let keys = columns.indices.filter { columns[$0].role == .partitionKey }
        var (key, line) = (ByteWriter(), ByteWriter())
        rows.forEach { row, cells in
            key.removeAll()
            line.removeAll()
            for (number, index) in keys.enumerated() {
                // Nobody's text has a unit separator in it by accident.
                if number > 0 { key.byte(0x1F) }
                text(cells[index], into: &key)
            }
            write(rows, row, cells, names, into: &line)
            key.bytes.withUnsafeBytes { key in line.bytes.withUnsafeBytes { body(row, key, $0) } }
        }
    }

    /// A key column by the name of the flag could not be told from it.
    static func checkNames(_ layout: RowLayout, of table: Table) throws(Failure) {
        guard layout.columns.contains(where: { $0.name == flag }) else { return }
        throw Failure(
            .invalidArgument, "the changes of \(table.name) cannot be read: one of its columns is called \(flag)",
            advice: "Call it something else", place: table.name)
    }

    private static func write(
        _ rows: RowBuffer, _ row: Int, _ cells: [RowCell], _ names: [String], into out: inout ByteWriter
    ) {
        var json = JSONWriter()
        json.object { json in
            if rows.operation(ofRow: row) == .retract { json.member(flag, true) }
            for (name, cell) in zip(names, cells) { member(name, cell, &json) }
        }
        out.raw(json.bytes)
    }

    private static func member(_ name: String, _ cell: RowCell, _ json: inout JSONWriter) {
        switch cell {
        case .null:
            json.key(name)
            json.null()
        case .bool(let value): json.member(name, value)
        case .int(let value): json.member(name, value)
        case .double(let value): json.member(name, value)
        case .text(let bytes): json.member(name, String(decoding: bytes, as: UTF8.self))
        case .bytes(let bytes): json.member(name, hex(bytes))
        case .time(let time): json.member(name, "\(time)")
        }
    }

    private static func text(_ cell: RowCell, into out: inout ByteWriter) {
        switch cell {
        case .null: break
        case .bool(let value): out.text("\(value)")
        case .int(let value): out.text("\(value)")
        case .double(let value): out.text("\(value)")
        case .text(let bytes), .bytes(let bytes): out.raw(bytes)
        case .time(let time): out.text("\(time)")
        }
    }

    /// As CQL writes a blob.
    private static func hex(_ bytes: UnsafeRawBufferPointer) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text = Array("0x".utf8)
        for byte in bytes { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }
}
