import MillraceCore
import MillraceTables

/// Prints rows of a table: aligned columns for people, NDJSON or CSV for programs.
final class TableOutput {
    private enum Form { case columns(MillraceCommand.RowWriter), json, csv }
    private let form: Form
    private let columns: [TableSchema.Column]
    private let terminal: Terminal
    private var line = ByteWriter(capacity: 256)
    /// Adds when each value was written and what is left of its time to live.
    private let showsOrigins: Bool
    private(set) var rows = 0

    static let options: [Verb.Option] = [
        .flag("csv", "print CSV with a header"),
        .value("columns", "A,B", "c", "only these columns, in this order"),
        .value("snapshot", "DIR", "read a kept snapshot instead: the tables as of then"),
    ]

    /// - Parameter isData: whole tables on their way to a file: never aligned, unless asked for.
    init(
        _ columns: [TableSchema.Column], _ invocation: Invocation, isData: Bool = false, showsOrigins: Bool = false
    ) {
        (self.columns, terminal, self.showsOrigins) = (columns, invocation.terminal, showsOrigins)
        if invocation.flag("csv") {
            form = .csv
        } else if invocation.terminal.format == .columns, !isData || invocation.flag("text") {
            var heads = columns.map { RowWriter.Column($0.name, isElastic: $0.id == columns.last?.id) }
            if showsOrigins {
                for column in columns where !column.isKey {
                    heads.append(.init("writetime(\(column.name))"))
                    heads.append(.init("ttl(\(column.name))"))
                }
            }
            form = .columns(RowWriter(heads, invocation.terminal))
        } else {
            form = .json
        }
        if case .csv = form { printHeader() }
    }

    private func printHeader() {
        var names = columns.map(\.name)
        if showsOrigins { for column in columns where !column.isKey { names += originNames(column) } }
        line.removeAll()
        for (i, name) in names.enumerated() {
            if i > 0 { line.text(",") }
            CSVParser.write(name, into: &line)
        }
        line.text("\n")
        terminal.out.write(line.bytes)
    }
    private func originNames(_ column: TableSchema.Column) -> [String] {
        ["writetime(\(column.name))", "ttl(\(column.name))"]
    }

    func add(_ row: Row) {
        rows += 1
        let values = columns.map { row[$0.name] }
        let origins: [(name: String, number: Int64?)] =
            !showsOrigins
            ? []
            : columns.filter { !$0.isKey }.flatMap { column in
                zip(originNames(column), [row.writeTime(column.name), row.ttl(column.name)]).map { ($0, $1) }
            }
        line.removeAll()
        switch form {
        case .json:
            RowText.json(values, of: columns, into: &line)
            if !origins.isEmpty {
                line.bytes.removeLast()
                for origin in origins {
                    line.text(",")
                    ValueJSON.quote(origin.name, into: &line)
                    line.text(":" + (origin.number.map { "\($0)" } ?? "null"))
                }
                line.text("}")
            }
            line.text("\n")
            terminal.out.write(line.bytes)
        case .csv:
            RowText.csv(values, of: columns, into: &line)
            for origin in origins { line.text("," + (origin.number.map { "\($0)" } ?? "")) }
            line.text("\n")
            terminal.out.write(line.bytes)
        case .columns(let writer):
            var cells = zip(columns, values).map { column, value in
                value.map { Cell.text(Cell.printable(Array(RowText.plain($0, as: column.type).utf8))) } ?? .missing
            }
            for origin in origins { cells.append(origin.number.map { .number($0) } ?? .missing) }
            writer.add(cells)
        }
    }

    func finish() {
        if case .columns(let writer) = form { writer.finish() } else { terminal.out.flush() }
    }
}
