internal import MillraceCore
internal import MillraceTables

/// Tables: what there is, rows, slices, aggregates.
enum TablesAPI {
    static func routes(_ api: APIContext) -> [Route] {
        [
            Route(.get, "/tables", .read, "Lists the tables") { _, _ in
                Answer.trying { () throws(Failure) in list(try api.needTables()) }
            },
            Route(.get, "/tables/{table}/schema", .read, "Describes a table's columns and keys") { _, values in
                Answer.trying { () throws(Failure) in
                    schema(try TableRequest.find(values[0], try api.needTables()))
                }
            },
            Route(
                .get, "/tables/{table}", .read, "Reads a row, a slice of a partition, or a page of the table",
                TableRequest.parameters + [
                    .init("follow", "rows, then every committed change, as server-sent events", kind: .boolean),
                    .init("after", "with follow: the id of the last event seen, instead of Last-Event-ID"),
                    .init("Last-Event-ID", "with follow: go on behind this event", place: .header),
                ], produces: TableFormat.types + ["text/event-stream"]
            ) { request, values in
                do throws(Failure) {
                    let tables = try api.needTables()
                    let wanted = try TableRequest(request, values[0], tables)
                    if try request.query.flag("follow") { return .now(try TableFollow.start(wanted, request, api)) }
                    if wanted.limit <= Limits.rowsPerAnswer { return .now(try read(wanted, request, tables)) }
                    return .blocking(api) { () throws(Failure) in try read(wanted, request, tables) }
                } catch { return .now(.failure(error)) }
            },
            Route(
                .get, "/tables/{table}/aggregate", .read,
                "Minimum, maximum, mean, sum and count of a column per bucket of a time clustering column",
                [
                    .init(
                        "key", "value of a key column, partition key first; repeated for each", isRepeatable: true,
                        isRequired: true)
                ] + TableRequest.parameters[1..<3] + [
                    .init("column", "the numeric column", isRequired: true),
                    .init("bucket", "length of a bucket in seconds", kind: .integer, range: 1...31_536_000),
                ]
            ) { request, values in
                Answer.blocking(api) { () throws(Failure) in
                    let tables = try api.needTables()
                    return try TableAggregate.answer(try TableRequest(request, values[0], tables), request, tables)
                }
            },
        ]
    }

    private static func list(_ tables: TableStore) -> Response {
        .json { json in
            json.object { json in
                json.key("tables")
                json.array { json in for table in tables.tables { describe(table, &json) } }
            }
        }
    }

    private static func schema(_ table: StoredTable) -> Response { .json { json in describe(table, &json) } }

    private static func describe(_ table: StoredTable, _ json: inout JSONWriter) {
        let schema = table.schema
        json.object { json in
            json.member("name", publicName(schema))
            json.member("keyspace", schema.keyspace)
            json.member("cql", schema.cql)
            json.key("columns")
            json.array { json in
                for column in schema.columns {
                    json.object { json in
                        json.member("name", column.name)
                        json.member("type", "\(column.type)")
                        switch column.kind {
                        case .partitionKey: json.member("kind", "partition-key")
                        case .clustering(let order):
                            json.member("kind", "clustering")
                            json.member("order", order == .descending ? "desc" : "asc")
                        case .static: json.member("kind", "static")
                        case .regular: json.member("kind", "regular")
                        }
                    }
                }
            }
        }
    }

    static func publicName(_ schema: TableSchema) -> String {
        schema.keyspace == "app" ? schema.name : "\(schema.keyspace).\(schema.name)"
    }

    private static func read(
        _ wanted: TableRequest, _ request: Request, _ tables: TableStore
    ) throws(Failure) -> Response {
        let format = TableFormat(request)
        let schema = wanted.schema
        var columns = schema.columns.filter { !$0.isKey }
        if let names = wanted.columns {
            columns = []
            for name in names {
                guard let column = schema.column(name) else {
                    throw Failure(
                        .invalidArgument, "table \(wanted.table.name) has no column \"\(name)\"",
                        advice: schema.columns.map(\.name).joined(separator: ", "))
                }
                if !column.isKey { columns.append(column) }
            }
        }
        var answer = TableAnswer(format, wanted.table, columns)
        if wanted.isWholeKey, wanted.page == nil {
            let row = try tables.row(wanted.table, key: wanted.key, columns: wanted.columns)
            answer.add(row.map { [$0] } ?? [])
            return answer.response(next: nil)
        }
        // In steps, so that many large rows end the answer early instead of making it too large.
        let snapshot = try tables.snapshot()
        var next = wanted.page
        repeat {
            let size = min(Limits.rowsPerAnswer, wanted.limit - answer.rows)
            let page = try snapshot.page(wanted.table, wanted.query, size: size, after: next)
            answer.add(page.rows)
            next = page.next
        } while next != nil && answer.rows < wanted.limit && answer.bytes < Limits.recordBytesPerAnswer
        return answer.response(next: next)
    }
}
