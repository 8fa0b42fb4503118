/// One page of charts from a run's results: a file that needs no other, no script and no network.
public enum Page {
    public static func of(_ lines: [ResultLine]) -> String {
        var body = "<h1>Millrace benchmarks</h1>\n"
        if let machine = lines.machine { body += "<p class=\"lead\">\(escaped(machine.sentence))</p>\n" }
        body += peers(lines.peers) + figures(lines.figures) + points(lines.points) + workloads(lines.workloads)
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>Millrace benchmarks</title>
            <style>\(style)</style>
            </head>
            <body>
            \(body)</body>
            </html>

            """
    }

    // MARK: Sections

    /// Work that is one job has a chart of its own; the queries of a family (`Nexmark q1`) share one.
    private static func peers(_ results: [ResultLine.PeerResult]) -> String {
        grouped(results, by: \.family).map { family, results in
            let works = grouped(results, by: \.work)
            let groups =
                works.count == 1
                ? results.map { group($0.who, [$0], goal: goal(of: results, for: $0)) }
                : works.map { work, results in
                    group(
                        String(work.dropFirst(family.count + 1)), results, isNamed: true,
                        goal: results.first(where: \.isOurs).flatMap { goal(of: results, for: $0) })
                }
            let title = "\(family): records per CPU-second, more is better"
            return figure(
                title, BarChart(groups: groups).drawing(title),
                "First bar: what a record more costs on a long stream. Fainter: the whole process, start-up included. "
                    + "Dashed: our goal. Who gives another answer has no bar.",
                table("The figures", works.count == 1 ? TableRows.peers(results) : TableRows.family(results)))
        }.joined()
    }

    private static func group(
        _ label: String, _ results: [ResultLine.PeerResult], isNamed: Bool = false, goal: Double?
    ) -> BarChart.Group {
        var bars: [BarChart.Bar] = []
        for result in results {
            // The same pipeline over another input is ours too; one of them is what others are held against.
            let style = result.isOurs || result.who.hasPrefix("Millrace") ? "ours" : "theirs"
            let name = isNamed ? result.who + " " : ""
            guard result.error == nil, let whole = result.cpuNanoseconds?.median else {
                bars.append(.init(value: 0, style: style, text: name + (result.error ?? "not measured")))
                continue
            }
            if let steady = result.steadyNanoseconds {
                bars.append(.init(value: 1e9 / steady, style: style, text: name + Digits.large(1e9 / steady)))
            }
            let isFirst = result.steadyNanoseconds == nil
            bars.append(
                .init(
                    value: 1e9 / whole, style: style + "-faint",
                    text: (isFirst ? name : "") + Digits.large(1e9 / whole)))
        }
        return .init(label: label, bars: bars, goal: goal)
    }

    /// The rate that we owe, from the peer's own in the same run: the highest of all.
    private static func goal(of results: [ResultLine.PeerResult], for ours: ResultLine.PeerResult) -> Double? {
        guard ours.isOurs else { return nil }
        return results.compactMap { result in
            // Of runs too short to tell it there is none: a start is no rate.
            guard let goal = result.goal, let cost = result.steadyNanoseconds else { return nil }
            return 1e9 / cost * goal
        }.max()
    }

    private static func figures(_ figures: [ResultLine.Figure]) -> String {
        grouped(figures, by: \.area).map { area, figures in
            "<section>\n<h2>\(escaped(area))</h2>\n" + table("", TableRows.figures(figures)) + "</section>\n"
        }.joined()
    }

    private static func points(_ points: [ResultLine.Point]) -> String {
        grouped(points, by: \.chart).map { chart, points in
            let series = grouped(points, by: \.series).map { name, points in
                (name: name, points: points.map { (x: $0.x, y: $0.y) })
            }
            let drawing = LineChart(series: series, xUnit: points[0].xUnit, yUnit: points[0].yUnit).drawing(chart)
            return figure(chart, drawing, "", table("", TableRows.points(points)))
        }.joined()
    }

    private static func workloads(_ measurements: [Measurement]) -> String {
        grouped(measurements, by: \.area).map { area, members in
            let beside = members.filter { $0.control != nil && !$0.isWrong }
            let alone = members.filter { $0.control == nil && !$0.isWrong }
            var section = ""
            if !beside.isEmpty {
                // Of a control that is another program only its time is known.
                let isWall = beside.allSatisfy { $0.control?.cpuRatio == nil }
                let title = "\(area): \(isWall ? "time" : "CPU time") against the control's, less is better"
                let rows = beside.map { member in
                    let ratio = member.control?.bestRatio ?? Spread([])
                    return DotChart.Row(
                        label: member.nameInArea, spread: ratio,
                        goal: member.goal.kind == (isWall ? .wallRatio : .cpuRatio) ? member.goal.bound : nil,
                        style: style(member),
                        text: "\(Digits.of(ratio.median))× \(member.control?.name ?? "")")
                }
                section += figure(
                    title, DotChart(rows: rows, reference: 1, mark: { Digits.of($0) + " ×" }).drawing(title),
                    "The line at 1 is the control, in the same run. A dot is the median, the line the least and the "
                        + "greatest. Dashed: our goal.", "")
            }
            if !alone.isEmpty {
                let title = "\(area): CPU time per unit, less is better"
                let rows = alone.map { member in
                    DotChart.Row(
                        label: member.nameInArea, spread: member.cpuNanoseconds,
                        goal: member.goal.kind == .cpuNanoseconds ? member.goal.bound : nil, style: style(member),
                        text: "\(Digits.time(nanoseconds: member.cpuNanoseconds.median))/\(member.unit)")
                }
                section += figure(
                    title, DotChart(rows: rows, reference: nil, mark: { Digits.time(nanoseconds: $0) }).drawing(title),
                    "", "")
            }
            return section + table("The figures of \(area)", TableRows.workloads(members))
        }.joined()
    }

    private static func style(_ measurement: Measurement) -> String {
        measurement.goal.isMet(by: measurement).map { $0 ? "met" : "missed" } ?? "plain"
    }

    // MARK: Parts

    private static func figure(_ title: String, _ drawing: String, _ legend: String, _ tables: String) -> String {
        let legend = legend.isEmpty ? "" : "<figcaption>\(escaped(legend))</figcaption>\n"
        return "<section>\n<h2>\(escaped(title))</h2>\n<figure>\n\(drawing)\(legend)</figure>\n\(tables)</section>\n"
    }

    /// Behind a click where it has a title.
    private static func table(_ title: String, _ content: (head: [String], rows: [[String]])) -> String {
        func row(_ cells: [String], _ tag: String) -> String {
            "<tr>" + cells.map { "<\(tag)>\(escaped($0))</\(tag)>" }.joined() + "</tr>\n"
        }
        let table =
            "<div class=\"wide\"><table>\n" + row(content.head, "th") + content.rows.map { row($0, "td") }.joined()
            + "</table></div>\n"
        return title.isEmpty ? table : "<details><summary>\(escaped(title))</summary>\n\(table)</details>\n"
    }

    private static let style = """

        :root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --dim: #59636e; --grid: #e3e7eb;
          --ours: #0b6bcb; --ours-faint: #a5cdf3; --theirs: #7a6a58; --theirs-faint: #d8cec2; --met: #1a7f37;
          --missed: #c4320a; --goal: #8250df; --s2: #1a7f37; --s3: #c4320a; --s4: #8250df; }
        @media (prefers-color-scheme: dark) { :root { --back: #14181d; --text: #e6eaef; --dim: #9aa5b1;
          --grid: #2a313a; --ours: #5ab0ff; --ours-faint: #26507a; --theirs: #c2ad93; --theirs-faint: #5a4e40;
          --met: #4ac26b; --missed: #ff8a5c; --goal: #c29bff; --s2: #4ac26b; --s3: #ff8a5c; --s4: #c29bff; } }
        body { background: var(--back); color: var(--text); margin: 2rem auto; max-width: 920px; padding: 0 1rem;
          font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
        h1 { font-size: 1.6rem; } h2 { font-size: 1.05rem; margin: 2.4rem 0 .4rem; }
        .lead, figcaption, summary { color: var(--dim); font-size: .88rem; }
        figure { margin: 0; } svg { width: 100%; height: auto; overflow: visible; }
        text { fill: var(--text); font-size: 13px; } text.small { font-size: 11.5px; fill: var(--dim); }
        .grid { stroke: var(--grid); } .reference { stroke: var(--dim); stroke-width: 1.5; }
        .goal { stroke: var(--goal); stroke-width: 2; stroke-dasharray: 4 2; }
        rect.ours { fill: var(--ours); } rect.ours-faint { fill: var(--ours-faint); }
        rect.theirs { fill: var(--theirs); } rect.theirs-faint { fill: var(--theirs-faint); }
        circle.met { fill: var(--met); } circle.missed { fill: var(--missed); } circle.plain { fill: var(--ours); }
        .whisker { stroke-width: 2; } line.met { stroke: var(--met); } line.missed { stroke: var(--missed); }
        line.plain { stroke: var(--ours); } polyline { fill: none; stroke-width: 2; }
        polyline.series0 { stroke: var(--ours); } circle.series0 { fill: var(--ours); }
        polyline.series1 { stroke: var(--theirs); } circle.series1 { fill: var(--theirs); }
        polyline.series2 { stroke: var(--s2); } circle.series2 { fill: var(--s2); }
        polyline.series3 { stroke: var(--s3); } circle.series3 { fill: var(--s3); }
        polyline.series4 { stroke: var(--s4); } circle.series4 { fill: var(--s4); }
        .wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .85rem; margin: .5rem 0; }
        th, td { text-align: left; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--grid); }
        th { font-weight: 600; color: var(--dim); } td:not(:first-child) { font-variant-numeric: tabular-nums; }

        """
}
