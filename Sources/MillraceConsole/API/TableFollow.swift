internal import MillraceCore
internal import MillraceRuntime
internal import MillraceTables

/// A table, a partition or a slice of it as events: `begin`, a `row` for each that is there, `live`, then a `change`
/// for each change in the order of commits. `gap` says that changes were missed; the present rows follow again.
enum TableFollow {
    static func start(_ wanted: TableRequest, _ request: Request, _ api: APIContext) throws(Failure) -> Response {
        let tables = try api.needTables()
        let scope: ChangeScope
        if !wanted.hasPartition {
            scope = .table(wanted.table)
        } else if wanted.range.lower == nil, wanted.range.upper == nil {
            scope = .partition(wanted.table, wanted.partition)
        } else {
            scope = .range(wanted.table, partition: wanted.partition, wanted.range)
        }
        var after: CommitID?
        if let text = request.headers["last-event-id"] ?? request.query["after"] {
            guard let id = Int64(text) else {
                throw Failure(.invalidArgument, "\"\(text)\" is no event id", advice: "Hand back the id of an event")
            }
            after = CommitID(microseconds: id)
        }
        // Before the rows are read: what changes meanwhile comes again as a change.
        let subscription = try tables.subscribe(scope, after: after)
        let stream = EventStream(clock: api.clock)
        let isResumed = after != nil
        stream.produce(api) { stream in
            var events = ServerEvents()
            if isResumed {
                events.event("live") { json in json.object { _ in } }
                guard await events.flush(to: stream) else { return }
            } else {
                guard await present(wanted, subscription.position, api, stream) else { return }
            }
            await changes(wanted, subscription, api, stream)
        }
        return Response(stream)
    }

    private static func present(
        _ wanted: TableRequest, _ position: CommitID, _ api: APIContext, _ stream: EventStream
    ) async -> Bool {
        var events = ServerEvents()
        events.event("begin") { json in
            json.object { json in json.member("table", TablesAPI.publicName(wanted.schema)) }
        }
        var after: PagingState?
        repeat {
            let state = after
            let page: (bytes: [UInt8], next: PagingState?)
            do throws(Failure) {
                page = try await api.scans.run { () throws(Failure) in try rows(wanted, after: state, api) }
            } catch {
                return await fail(error, stream)
            }
            events.out.raw(page.bytes)
            guard await events.flush(to: stream) else { return false }
            after = page.next
        } while after != nil
        events.event("live", id: position.description) { json in json.object { _ in } }
        return await events.flush(to: stream)
    }

    /// One page as events.
    private static func rows(
        _ wanted: TableRequest, after state: PagingState?, _ api: APIContext
    ) throws(Failure) -> ([UInt8], PagingState?) {
        let page = try api.needTables().snapshot().page(
            wanted.table, wanted.query, size: Limits.followPage, after: state)
        var events = ServerEvents()
        for row in page.rows { events.event("row") { json in write(row, &json) } }
        return (events.out.bytes, page.next)
    }

    private static func changes(
        _ wanted: TableRequest, _ subscription: ChangeSubscription, _ api: APIContext, _ stream: EventStream
    ) async {
        defer { subscription.cancel() }
        var events = ServerEvents()
        while true {
            do throws(Failure) {
                switch try subscription.next() {
                case .changes(let changes):
                    for (index, change) in changes.enumerated() {
                        // The id only with the last change of a commit: resuming goes on behind whole commits.
                        let isLast = index + 1 == changes.count || changes[index + 1].commit != change.commit
                        let id = isLast ? change.commit.description : nil
                        events.event("change", id: id) { json in write(change, &json) }
                        if events.out.count >= 32 << 10 {
                            guard await events.flush(to: stream) else { return }
                        }
                    }
                    guard await events.flush(to: stream) else { return }
                case .gap(let position):
                    events.event("gap") { json in
                        json.object { json in json.member("resumesAfter", position.description) }
                    }
                    guard await events.flush(to: stream), await present(wanted, position, api, stream) else { return }
                case .nothing:
                    guard await stream.wait(api.clock, { subscription.whenReady($0) }) else { return }
                case .closed: return
                }
            } catch {
                _ = await fail(error, stream)
                return
            }
        }
    }

    private static func fail(_ failure: Failure, _ stream: EventStream) async -> Bool {
        var events = ServerEvents()
        events.event("error") { json in
            json.object { json in
                json.member("code", failure.code.name)
                json.member("message", failure.message)
            }
        }
        _ = await events.flush(to: stream)
        return false
    }

    private static func write(_ row: Row, _ json: inout JSONWriter) {
        let schema = row.table.schema
        var out = ByteWriter()
        RowText.json(
            row.key.map(Optional.some) + row.values,
            of: (Array(schema.partitionKey) + Array(schema.clustering)).prefix(row.key.count) + row.columns, into: &out)
        out.bytes.withUnsafeBytes { json.raw($0) }
    }

    private static func write(_ change: RowChange, _ json: inout JSONWriter) {
        let schema = change.table.schema
        let keys = Array((Array(schema.partitionKey) + Array(schema.clustering)).prefix(change.key.count))
        json.object { json in
            switch change.kind {
            case .row: json.member("kind", "row")
            case .fixed: json.member("kind", "static")
            case .rowDeleted: json.member("kind", "delete")
            case .rangeDeleted(let range):
                json.member("kind", range.isWholePartition ? "delete-partition" : "delete-range")
            }
            json.member("commit", change.commit.description)
            json.key("key")
            var out = ByteWriter()
            RowText.json(change.key.map(Optional.some), of: keys, into: &out)
            out.bytes.withUnsafeBytes { json.raw($0) }
            json.key("cells")
            let parts = change.cells.filter(\.isPart)
            // A collection that was replaced is named among the partial ones: its parts follow its deletion.
            let whole = change.cells.filter { cell in
                !cell.isPart && !parts.contains { $0.column.id == cell.column.id }
            }
            var cells = ByteWriter()
            RowText.json(whole.map(\.value), of: whole.map(\.column), into: &cells)
            cells.bytes.withUnsafeBytes { json.raw($0) }
            if !parts.isEmpty {
                json.key("partial")
                json.array { json in for part in parts { json.string(part.column.name) } }
            }
        }
    }
}
