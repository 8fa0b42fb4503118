internal import MillraceCore
internal import MillraceTables

/// Prints the rows of a table as they are committed: `--show TABLE`. For people who want to see that something happens;
/// programs follow the table over HTTP.
final class ChangePrinter: Sendable {
    private let table: StoredTable
    private let subscription: ChangeSubscription
    private let clock: any RuntimeClock
    private let output = TextOutput()
    private let wakeup = Wakeup()
    private let isOver = Lock(false)

    init(_ node: Node, table name: String) throws(Failure) {
        let named = Table(name)
        table = try node.tables.require(named.keyspace, named.table)
        subscription = try node.tables.subscribe(.table(table))
        clock = node.clock
    }

    func stop() {
        isOver.withLock { $0 = true }
        wakeup.signal()
    }

    /// What a window's row says about the pane is for programs; people want the result.
    private static func isShown(_ name: String) -> Bool { !name.hasPrefix("pane_") && name != "window_end" }

    func run() async {
        let columns = table.schema.columns.filter { Self.isShown($0.name) }
        let names = columns.map(\.name)
        var widths = names.map { max($0.count, 12) }
        let areNumbers = columns.map(\.type.isNumber)
        func show(_ cells: [String]) { output.line(Self.line(cells, &widths, toTheRight: areNumbers)) }
        show(names)
        var (shown, hidden) = (0, 0)
        var second = clock.now
        while true {
            let isLast = isOver.withLock { $0 }
            var lines: [[String]] = []
            do throws(Failure) {
                reading: while true {
                    switch try subscription.next() {
                    case .changes(let changes): lines += changes.compactMap { row($0, names) }
                    case .gap: output.line("… rows were committed faster than they were printed")
                    case .nothing: break reading
                    case .closed: return
                    }
                }
            } catch { return output.error("\(table.name) cannot be followed: \(error.message)") }
            if clock.now - second >= .seconds(1) {
                if hidden > 0 { output.line("… and \(hidden) more rows") }
                (shown, hidden, second) = (0, 0, clock.now)
            }
            for line in lines {
                if shown < Limits.shownRowsPerSecond { show(line) } else { hidden += 1 }
                shown += 1
            }
            if isLast {
                if hidden > 0 { output.line("… and \(hidden) more rows") }
                return
            }
            subscription.whenReady { [wakeup] in wakeup.signal() }
            await wakeup.wait(until: clock.now + .seconds(1), clock: clock)
        }
    }

    private func row(_ change: RowChange, _ names: [String]) -> [String]? {
        guard case .row = change.kind else { return nil }
        var texts: [String: String] = [:]
        let keys = table.schema.columns.filter(\.isKey)
        for (column, value) in zip(keys, change.key) { texts[column.name] = Self.text(value, column.type) }
        for cell in change.cells where !cell.isPart {
            texts[cell.column.name] = cell.value.map { Self.text($0, cell.column.type) } ?? ""
        }
        return names.map { texts[$0] ?? "" }
    }

    private static func text(_ value: Value, _ type: ColumnType) -> String {
        if case .timestamp(let milliseconds) = value { return "\(EventTime.milliseconds(milliseconds))" }
        return RowText.plain(value, as: type)
    }

    /// Columns grow with what is in them. Numbers stand at the right of theirs, and no line ends with blanks.
    private static func line(_ cells: [String], _ widths: inout [Int], toTheRight: [Bool]) -> String {
        var line = ""
        var blanks = 0
        for (index, cell) in cells.enumerated() {
            widths[index] = max(widths[index], cell.count)
            let room = widths[index] - cell.count
            line += String(repeating: " ", count: blanks + (toTheRight[index] ? room : 0)) + cell
            blanks = 2 + (toTheRight[index] ? 0 : room)
        }
        return line
    }
}
