internal import MillraceCore
internal import MillraceTables

/// Rows as JSON, NDJSON or CSV.
enum TableFormat: Sendable {
    case json, ndjson, csv

    static let types = ["application/json", "application/x-ndjson", "text/csv"]

    init(_ request: Request) {
        let accept = request.headers["accept"] ?? ""
        if accept.contains("text/csv") {
            self = .csv
        } else if accept.contains("ndjson") {
            self = .ndjson
        } else {
            self = .json
        }
    }

    func answer(_ rows: [Row], next: PagingState?, _ table: StoredTable, columns: [TableSchema.Column])
        -> Response
    {
        var out = ByteWriter(capacity: 256 + rows.count * 64)
        let keys = Array(table.schema.partitionKey) + Array(table.schema.clustering)
        let all = keys + columns
        func values(_ row: Row) -> [Value?] {
            var key = row.key.map(Optional.some)
            // A row of static values alone has no clustering.
            while key.count < keys.count { key.append(nil) }
            return key + row.values
        }
        switch self {
        case .json:
            out.text(#"{"rows":["#)
            for (index, row) in rows.enumerated() {
                if index > 0 { out.byte(UInt8(ascii: ",")) }
                RowText.json(values(row), of: all, into: &out)
            }
            out.text("]")
            if let next { out.text(#","next":""# + Hex.text(next.bytes) + "\"") }
            out.text("}")
        case .ndjson:
            for row in rows {
                RowText.json(values(row), of: all, into: &out)
                out.byte(0x0A)
            }
        case .csv:
            for (index, column) in all.enumerated() {
                if index > 0 { out.byte(UInt8(ascii: ",")) }
                CSVParser.write(column.name, into: &out)
            }
            out.byte(0x0A)
            for row in rows {
                RowText.csv(values(row), of: all, into: &out)
                out.byte(0x0A)
            }
        }
        let type =
            switch self {
            case .json: "application/json"
            case .ndjson: "application/x-ndjson"
            case .csv: "text/csv; charset=utf-8"
            }
        var response = Response(200, type: type, out.bytes)
        if let next, self != .json { response.headers.append(("X-Next-Page", Hex.text(next.bytes))) }
        return response
    }
}
