internal import MillraceCore
internal import MillraceTables

/// Rows as JSON, NDJSON or CSV.
enum TableFormat: Sendable {
    case json, ndjson, csv

    static let types = ["application/json", "application/x-ndjson", "text/csv"]

    /// What the client likes best of these, JSON when it says nothing or likes none; the first of equals.
    init(_ request: Request) {
        var best = (format: TableFormat.json, quality: 0.0)
        for part in (request.headers["accept"] ?? "").split(separator: ",") {
            let words = part.split(separator: ";").map { $0.filter { !$0.isWhitespace }.lowercased() }
            let format: TableFormat
            switch words.first {
            case "text/csv", "text/*": format = .csv
            case "application/x-ndjson", "application/ndjson": format = .ndjson
            case "application/json", "application/*", "*/*": format = .json
            default: continue
            }
            let quality = words.dropFirst().first { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
            if quality > best.quality { best = (format, quality) }
        }
        self = best.format
    }

    var type: String {
        switch self {
        case .json: "application/json"
        case .ndjson: "application/x-ndjson"
        case .csv: "text/csv; charset=utf-8"
        }
    }
}

/// An answer with rows, as it grows.
struct TableAnswer {
    private let format: TableFormat
    private let keys: Int
    /// Key columns first.
    private let columns: [TableSchema.Column]
    private var out = ByteWriter(capacity: 1_024)
    private(set) var rows = 0

    init(_ format: TableFormat, _ table: StoredTable, _ columns: [TableSchema.Column]) {
        let key = Array(table.schema.partitionKey) + Array(table.schema.clustering)
        (self.format, keys, self.columns) = (format, key.count, key + columns)
        switch format {
        case .json: out.text(#"{"rows":["#)
        case .ndjson: break
        case .csv:
            for (index, column) in self.columns.enumerated() {
                if index > 0 { out.byte(UInt8(ascii: ",")) }
                CSVParser.write(column.name, into: &out)
            }
            out.byte(0x0A)
        }
    }

    var bytes: Int { out.count }

    mutating func add(_ more: [Row]) {
        for row in more {
            var key = row.key.map(Optional.some)
            // A row of static values alone has no clustering.
            while key.count < keys { key.append(nil) }
            let values = key + row.values
            switch format {
            case .json:
                if rows > 0 { out.byte(UInt8(ascii: ",")) }
                RowText.json(values, of: columns, into: &out)
            case .ndjson:
                RowText.json(values, of: columns, into: &out)
                out.byte(0x0A)
            case .csv:
                RowText.csv(values, of: columns, into: &out)
                out.byte(0x0A)
            }
            rows += 1
        }
    }

    /// - Parameter next: where to go on, when there is more.
    consuming func response(next: PagingState?) -> Response {
        if case .json = format {
            out.text("]")
            if let next { out.text(#","next":""# + Hex.text(next.bytes) + "\"") }
            out.text("}")
        }
        var response = Response(200, type: format.type, out.bytes)
        if case .json = format { return response }
        if let next { response.headers.append(("X-Next-Page", Hex.text(next.bytes))) }
        return response
    }
}
