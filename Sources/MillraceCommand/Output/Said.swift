import MillraceCore

/// What a verb that changes something reports: a sentence for people, an object for programs.
struct Said {
    let sentence: String
    let facts: [(key: String, cell: Cell)]
    init(_ sentence: String, _ facts: [(String, Cell)]) {
        self.sentence = sentence
        self.facts = facts.map { (key: $0.0, cell: $0.1) }
    }
    func print(to terminal: Terminal) {
        guard terminal.format == .json else {
            if !terminal.isQuiet { terminal.out.line(sentence) }
            return
        }
        var json = JSONText()
        for fact in facts { fact.cell.write(fact.key, to: &json) }
        terminal.out.write(json.line)
    }
}

extension JSONText {
    /// Rows as an array of objects.
    static func array(_ keys: [String], _ rows: [[Cell]]) -> String {
        let objects = rows.map { cells in
            var json = JSONText()
            for (key, cell) in zip(keys, cells) { cell.write(key, to: &json) }
            return json.object
        }
        return "[" + objects.joined(separator: ",") + "]"
    }
}

extension RowWriter {
    static func print(_ rows: [[Cell]], _ columns: [Column], _ terminal: Terminal) {
        let writer = RowWriter(columns, terminal)
        for row in rows { writer.add(row) }
        writer.finish()
    }
}
