/// Horizontal bars in groups: a label on the left, a bar for each value, what it says at the bar's end.
struct BarChart {
    struct Bar {
        var value: Double
        /// `ours`, `theirs`, and with `-faint` the paler shade of each.
        var style: String
        var text: String
    }
    struct Group {
        var label: String
        var bars: [Bar]
        /// A value to reach: a tick across the group.
        var goal: Double?
    }
    var groups: [Group]

    private static let (left, right, width) = (230.0, 190.0, 860.0)
    private static let (barHeight, gap) = (15.0, 10.0)

    func drawing(_ title: String) -> String {
        let barCount = groups.reduce(0) { $0 + max(1, $1.bars.count) }
        let height = Double(barCount) * (Self.barHeight + 2) + Double(groups.count) * Self.gap + 24
        var svg = SVG(width: Self.width, height: height)
        let greatest = groups.flatMap { $0.bars.map(\.value) + [$0.goal ?? 0] }.max() ?? 1
        let axis = Axis.linear(to: greatest, start: Self.left, length: Self.width - Self.left - Self.right)
        for mark in axis.marks {
            svg.line(axis.place(mark), 4, axis.place(mark), height - 20, "grid")
            svg.text(axis.place(mark), height - 6, Digits.large(mark), "small", .middle)
        }
        var y = 8.0
        for group in groups {
            let groupHeight = Double(max(1, group.bars.count)) * (Self.barHeight + 2)
            svg.text(Self.left - 10, y + groupHeight / 2 + 4, group.label, "", .end)
            for (index, bar) in group.bars.enumerated() {
                let top = y + Double(index) * (Self.barHeight + 2)
                svg.bar(Self.left, top, axis.place(bar.value) - Self.left, Self.barHeight, bar.style)
                svg.text(axis.place(bar.value) + 6, top + 12, bar.text, "small")
            }
            if let goal = group.goal {
                svg.line(axis.place(goal), y - 3, axis.place(goal), y + groupHeight + 1, "goal")
            }
            y += groupHeight + Self.gap
        }
        return svg.document(title)
    }
}

/// A dot on a logarithmic axis for each row, with a line from its least to its greatest value and a tick at its goal.
struct DotChart {
    struct Row {
        var label: String
        var spread: Spread
        var goal: Double?
        /// `met`, `missed` or `plain`.
        var style: String
        var text: String
    }
    var rows: [Row]
    /// Where a line is drawn through all rows, e.g. at the control's own cost.
    var reference: Double?
    /// What the axis says at a value.
    var mark: (Double) -> String

    private static let (left, right, width, rowHeight) = (260.0, 170.0, 860.0, 22.0)

    func drawing(_ title: String) -> String {
        let height = Double(rows.count) * Self.rowHeight + 34
        var svg = SVG(width: Self.width, height: height)
        let values = rows.flatMap { [$0.spread.least, $0.spread.greatest] + ($0.goal.map { [$0] } ?? []) }
        let axis = Axis.logarithmic(
            values + (reference.map { [$0] } ?? []), start: Self.left, length: Self.width - Self.left - Self.right)
        for mark in axis.marks {
            svg.line(axis.place(mark), 4, axis.place(mark), height - 26, "grid")
            svg.text(axis.place(mark), height - 10, self.mark(mark), "small", .middle)
        }
        if let reference { svg.line(axis.place(reference), 4, axis.place(reference), height - 26, "reference") }
        for (index, row) in rows.enumerated() {
            let y = 16 + Double(index) * Self.rowHeight
            svg.text(Self.left - 10, y + 4, row.label, "", .end)
            svg.line(axis.place(row.spread.least), y, axis.place(row.spread.greatest), y, "whisker \(row.style)")
            if let goal = row.goal { svg.line(axis.place(goal), y - 8, axis.place(goal), y + 8, "goal") }
            svg.dot(axis.place(row.spread.median), y, row.style)
            svg.text(Self.width - Self.right + 14, y + 4, row.text, "small")
        }
        return svg.document(title)
    }
}

/// Lines over a logarithmic axis.
struct LineChart {
    var series: [(name: String, points: [(x: Double, y: Double)])]
    var xUnit: String
    var yUnit: String

    private static let (left, right, width, height) = (90.0, 170.0, 860.0, 280.0)
    private static let styles = 5
    private static let lineHeight = 14.0

    func drawing(_ title: String) -> String {
        var svg = SVG(width: Self.width, height: Self.height)
        let points = series.flatMap(\.points)
        let x = Axis.logarithmic(points.map(\.x), start: Self.left, length: Self.width - Self.left - Self.right)
        let plotHeight = Self.height - 64
        let y = Axis.linear(to: points.map(\.y).max() ?? 1, start: 0, length: plotHeight)
        func height(_ value: Double) -> Double { 20 + plotHeight - y.place(value) }
        for mark in y.marks {
            svg.line(Self.left, height(mark), Self.width - Self.right, height(mark), "grid")
            svg.text(Self.left - 8, height(mark) + 4, Digits.large(mark), "small", .end)
        }
        for mark in x.marks { svg.text(x.place(mark), Self.height - 26, Digits.large(mark), "small", .middle) }
        svg.text((Self.left + Self.width - Self.right) / 2, Self.height - 8, xUnit, "small", .middle)
        svg.text(4, 12, yUnit, "small")
        var ends: [(x: Double, y: Double, name: String)] = []
        for (index, line) in series.enumerated() {
            let style = "series\(index % Self.styles)"
            let places = line.points.sorted { $0.x < $1.x }.map { (x: x.place($0.x), y: height($0.y)) }
            svg.path(places, "line \(style)")
            for place in places { svg.dot(place.x, place.y, style) }
            if let last = places.last { ends.append((last.x, last.y, line.name)) }
        }
        // Names of lines that end side by side stand below one another.
        var above = -Self.lineHeight
        for end in ends.sorted(by: { $0.y < $1.y }) {
            above = max(end.y, above + Self.lineHeight)
            svg.text(end.x + 10, above + 4, end.name, "small")
        }
        return svg.document(title)
    }
}
