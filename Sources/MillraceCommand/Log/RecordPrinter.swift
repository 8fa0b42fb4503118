import MillraceCore
import MillraceLog

/// Prints records: columns for people, NDJSON for programs, bare values on request.
final class RecordPrinter {
    private let terminal: Terminal
    private let isRaw: Bool
    private let showsKeys: Bool
    private let rows: RowWriter

    init(_ invocation: Invocation, partitionCount: Int) {
        terminal = invocation.terminal
        isRaw = invocation.flag("raw")
        showsKeys = invocation.flag("keys")
        rows = RowWriter(
            [
                .init("partition", "part", isHidden: partitionCount == 1), .init("offset"), .init("timestamp", "time"),
                .init("key"), .init("value", isElastic: true),
            ], terminal)
    }

    func print(_ record: RecordView, partition: Int) throws {
        if isRaw {
            var line: [UInt8] = []
            if showsKeys {
                line += record.key.map(Array.init) ?? []
                line.append(UInt8(ascii: "\t"))
            }
            line += record.value.map(Array.init) ?? []
            line.append(UInt8(ascii: "\n"))
            return terminal.out.write(line)
        }
        guard terminal.format == .columns else { return try printJSON(record, partition) }
        rows.add([
            .number(Int64(partition)), .number(record.offset),
            record.milliseconds < 0 ? .missing : .time(record.timestamp),
            .data(record.key.map(Array.init)), .data(record.value.map(Array.init)),
        ])
    }

    private func printJSON(_ record: RecordView, _ partition: Int) throws {
        var json = JSONText()
        json.field("partition", integer: Int64(partition))
        try Self.add(record, to: &json)
        terminal.out.write(json.line)
    }

    /// A record's members in the form that `append --envelope` takes.
    static func add(_ record: RecordView, to json: inout JSONText) throws(ByteFault) {
        json.field("offset", integer: record.offset)
        if record.milliseconds >= 0 {
            json.field("timestamp", text: CivilTime.text(record.timestamp))
        } else {
            json.field("timestamp", integer: record.milliseconds)
        }
        json.field("key", bytes: record.key)
        json.field("value", bytes: record.value)
        if record.headerCount > 0 {
            var headers = JSONText()
            var cursor = record.headers
            while let header = try cursor.next() {
                headers.field(String(decoding: header.key, as: UTF8.self), bytes: header.value)
            }
            json.raw("headers", headers.object)
        }
    }

    /// Everything printed so far becomes visible.
    func flush() {
        rows.flush()
        terminal.out.flush()
    }
}
