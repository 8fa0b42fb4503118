import MillraceCore
import MillraceTables

let exportVerb = Verb(
    name: "export", summary: "print all rows as NDJSON or CSV",
    about: "Rows of one moment, in the order of tokens. What it prints can be imported.",
    arguments: [.init(name: "TABLE", help: "the table")],
    options: TableOutput.options,
    examples: [.init("millrace table export site.views > views.ndjson", "a line for each row")],
    action: .blocking { invocation in
        try OpenTables.look(invocation, snapshot: invocation.value("snapshot")) { tables in
            let table = try tables.table(invocation.required(0))
            let columns = try invocation.columns(of: table.schema) ?? table.schema.columns
            var query = RowQuery()
            query.columns = columns.filter { !$0.isKey }.map(\.name)
            let output = TableOutput(columns, invocation, isData: true)
            let total = Int64(try tables.store.size(of: table).rows)
            let progress = Progress(
                "exporting", total: total, unit: .records, invocation.terminal, clock: tables.clock)
            var cursor = try tables.store.snapshot().rows(table, query)
            var untold: Int64 = 0
            while let row = try cursor.next() {
                output.add(row)
                untold += 1
                if untold == 1_000 {
                    progress.advance(by: untold)
                    untold = 0
                }
            }
            output.finish()
            let took = progress.finish()
            invocation.terminal.note(
                "exported \(Human.text(count: Int64(output.rows))) rows in \(Human.text(span: took))")
        }
    })

let importVerb = Verb(
    name: "import", summary: "write rows from NDJSON or CSV",
    about: """
        A file whose name ends in .csv is CSV with a header of column names; everything else is NDJSON, unless --csv
        is given. Rows are committed in batches; the first bad row stops the import and is named by file, line and
        column, and what was committed before it stays. --check reads everything first and writes nothing.
        """,
    arguments: [
        .init(name: "TABLE", help: "the table"),
        .init(name: "FILE", help: "files to read; none or - is standard input", count: .many),
    ],
    options: [
        .flag("csv", "the input is CSV"),
        .flag("check", "only check that every row could be written"),
        .value("batch", "N", "rows a commit (5000)"),
        .value("ttl", "SPAN", "the values expire after this"),
        .value("timestamp", "MICROS", "write timestamp, instead of that of the commit"),
    ],
    action: .blocking { try ImportRun($0).run() })

private final class ImportRun {
    private let invocation: Invocation
    private let batchRows: Int
    private let options: WriteOptions
    private var rows: Int64 = 0
    private var pending = 0

    init(_ invocation: Invocation) throws(Failure) {
        self.invocation = invocation
        batchRows = Int(try invocation.integer("batch", in: 1...1_000_000) ?? 5_000)
        options = try WriteOptions(invocation)
    }

    func run() throws {
        try OpenTables.with(invocation) { tables in
            let table = try tables.table(invocation.required(0))
            let progress = Progress("importing", unit: .records, invocation.terminal, clock: tables.clock)
            defer { progress.finish() }
            var commit = tables.store.begin()
            let input = RowInput(table, options)
            func take(_ fields: RowText.Fields, _ line: Int) throws {
                try input.add(fields, line: line, to: &commit)
                rows += 1
                pending += 1
                guard pending == batchRows || commit.byteCount >= Limits.commitBytes / 4 else { return }
                try flush()
            }
            func flush() throws {
                if !invocation.flag("check") { try tables.store.commit(commit) }
                progress.advance(by: Int64(pending))
                pending = 0
                commit = tables.store.begin()
            }
            let files = Array(invocation.arguments.dropFirst())
            for file in files.isEmpty ? ["-"] : files {
                let descriptor = file == "-" ? 0 : try SystemProcess.openToRead(file)
                do {
                    if invocation.flag("csv") || file.hasSuffix(".csv") {
                        try readCSV(descriptor, table.schema, take)
                    } else {
                        try readJSON(descriptor, table.schema, take)
                    }
                } catch let fault as TextFault {
                    let done = rows - Int64(pending)
                    let bad = fault.inside(file)
                    throw Failure(
                        bad.code, bad.message,
                        advice: invocation.flag("check")
                            ? "" : "\(Human.text(count: done)) rows before it were imported", place: bad.place)
                }
            }
            try flush()
            let took = progress.finish()
            let did = invocation.flag("check") ? "checked" : "imported"
            Said(
                "\(did) \(Human.text(count: rows)) rows in \(Human.text(span: took))",
                [("table", .text(table.name)), ("rows", .count(rows)), ("seconds", .span(took))]
            ).print(to: invocation.terminal)
        }
    }

    private func readJSON(
        _ descriptor: Int32, _ schema: TableSchema, _ take: (RowText.Fields, Int) throws -> Void
    ) throws {
        let lines = LineReader(descriptor)
        while let line = try lines.next() {
            if line.allSatisfy({ $0 <= 0x20 }) { continue }
            try take(try RowText.fields(json: line, number: lines.lineNumber, of: schema), lines.lineNumber)
        }
    }

    private func readCSV(
        _ descriptor: Int32, _ schema: TableSchema, _ take: (RowText.Fields, Int) throws -> Void
    ) throws {
        var parser = CSVParser()
        var columns: [TableSchema.Column]?
        func record(_ fields: [CSVParser.Field]) throws {
            guard let header = columns else {
                columns = try RowText.columns(csv: fields, of: schema)
                return
            }
            try take(try RowText.fields(csv: fields, of: header), fields.first?.line ?? 1)
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.inputBufferBytes, alignment: 16)
        defer { buffer.deallocate() }
        do {
            while true {
                let count = try SystemProcess.read(descriptor, into: buffer)
                if count == 0 { break }
                try parser.feed(UnsafeRawBufferPointer(rebasing: buffer[..<count]), record)
            }
            try parser.finish(record)
        } catch let stop as CSVParser.Stop<any Error> {
            switch stop {
            case .fault(let fault): throw fault
            case .receiver(let error): throw error
            }
        }
    }
}
