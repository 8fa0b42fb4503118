/// A topology in lines for a terminal.
enum TopologyText {
    /// `clicks (8 partitions) → PageViews → table page_views`.
    static func line(_ pipeline: PipelineDescription) -> String {
        let inputs = pipeline.inputs.map { input in
            switch input {
            case .log(let log): "\(log.name) (\(partitions(log.partitions)))"
            case .source(let source, _): "\(source.name) (\(partitions(source.partitionCount)))"
            case .changes(let changes): "changes of table \(changes.table.name)"
            }
        }
        let output =
            switch pipeline.output {
            case .table(let table): "table \(table.name)"
            case .log(let log): "log \(log.name)"
            case .sink(let sink): sink.name
            }
        let sides = pipeline.sideOutputs.sorted { $0.key < $1.key }.map { ", its \($0.key) → log \($0.value.name)" }
        return "\(inputs.joined(separator: " and ")) → \(pipeline.name) → \(output)\(sides.joined())"
    }

    /// What `check` says when all is well.
    static func sound(_ topology: Topology) -> String {
        let lines = topology.pipelines.map { "  \(line($0))\n" }
        let count = lines.count == 1 ? "1 pipeline" : "\(lines.count) pipelines"
        return "the topology and the settings are sound: \(count)\n" + lines.joined()
    }

    private static func partitions(_ count: Int) -> String { count == 1 ? "1 partition" : "\(count) partitions" }
}
