import MillraceCore

/// Prints rows: aligned columns with a head for people, one JSON object a line for programs.
///
/// The first `Limits.alignedRows` rows decide the widths of all. Call `finish` at the end, or `flush` when more may
/// take a while to come.
final class RowWriter {
    struct Column {
        let key: String
        let title: String
        /// Takes what is left of the terminal's width, and is cut there.
        var isElastic = false
        /// Only in JSON.
        var isHidden = false
        init(_ key: String, _ title: String? = nil, isElastic: Bool = false, isHidden: Bool = false) {
            (self.key, self.title) = (key, title ?? key)
            (self.isElastic, self.isHidden) = (isElastic, isHidden)
        }
    }

    private let columns: [Column]
    private let terminal: Terminal
    private var waiting: [[Cell]] = []
    private var widths: [Int]?
    /// Columns that hold a number anywhere stand to the right.
    private var areNumbers: [Bool] = []

    init(_ columns: [Column], _ terminal: Terminal) {
        (self.columns, self.terminal) = (columns, terminal)
    }

    func add(_ cells: [Cell]) {
        precondition(cells.count == columns.count, "a cell for every column")
        guard terminal.format == .columns else {
            var json = JSONText()
            for (column, cell) in zip(columns, cells) { cell.write(column.key, to: &json) }
            return terminal.out.write(json.line)
        }
        if widths != nil { return print(cells) }
        waiting.append(cells)
        if waiting.count >= Limits.alignedRows { flush() }
    }

    /// Prints what waits for alignment.
    func flush() {
        guard terminal.format == .columns, !waiting.isEmpty else { return terminal.out.flush() }
        if widths == nil {
            let fitted = columns.indices.map { index in
                max(columns[index].title.count, waiting.map { $0[index].column.count }.max() ?? 0)
            }
            widths = fitted
            areNumbers = columns.indices.map { index in waiting.contains { $0[index].isNumber } }
            printHead(fitted)
        }
        for cells in waiting { print(cells) }
        waiting.removeAll()
        terminal.out.flush()
    }
    func finish() { flush() }

    private func printHead(_ widths: [Int]) {
        let parts = visible.map { index in
            align(columns[index].title, widths[index], right: areNumbers[index], isLast: index == visible.last)
        }
        terminal.out.line(terminal.style.bold(parts.joined(separator: "  ")))
    }
    private func print(_ cells: [Cell]) {
        let widths = widths ?? []
        var line = ""
        for index in visible {
            if index != visible.first { line += "  " }
            var text = cells[index].column
            if columns[index].isElastic, let width = terminal.width {
                text = text.cut(to: max(8, width - line.count - 1))
            }
            line += align(text, widths[index], right: areNumbers[index], isLast: index == visible.last)
        }
        terminal.out.line(line)
    }
    private var visible: [Int] { columns.indices.filter { !columns[$0].isHidden } }
    private func align(_ text: String, _ width: Int, right: Bool, isLast: Bool) -> String {
        right ? text.paddedLeft(to: width) : isLast ? text : text.padded(to: width)
    }
}

/// Prints the facts about one thing: a name a line for people, one JSON object for programs.
struct FactWriter {
    private var facts: [(key: String, title: String, cell: Cell)] = []

    mutating func add(_ key: String, _ title: String, _ cell: Cell) { facts.append((key, title, cell)) }

    func print(to terminal: Terminal) {
        guard terminal.format == .columns else {
            var json = JSONText()
            for fact in facts { fact.cell.write(fact.key, to: &json) }
            return terminal.out.write(json.line)
        }
        let width = facts.map(\.title.count).max() ?? 0
        for fact in facts {
            if case .json = fact.cell { continue }
            terminal.out.line(terminal.style.dim(fact.title.padded(to: width)) + "  " + fact.cell.column)
        }
    }
}

extension String {
    /// At most `width` characters, the last an ellipsis when something was cut.
    func cut(to width: Int) -> String { count <= width ? self : String(prefix(Swift.max(0, width - 1))) + "…" }
}
