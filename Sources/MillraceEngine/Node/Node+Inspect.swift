public import MillraceCore
internal import MillraceFlow
internal import MillraceLog
internal import MillraceRuntime
internal import MillraceTables

extension Node: NodeInspector {
    public func plan(of pipeline: String) throws(Failure) -> String { try runner(pipeline).plan.describe() }

    public func why(pipeline: String) throws(Failure) -> String {
        let name = try runner(pipeline).description.name
        guard let found = status().pipelines.first(where: { $0.name == name }) else { return "" }
        return WhyText.render(found, now: clock.wall)
    }

    public func pause(pipeline: String) throws(Failure) { try live(pipeline).pause(true) }
    public func resume(pipeline: String) throws(Failure) { try live(pipeline).pause(false) }

    /// A pipeline that is over obeys no order.
    private func live(_ name: String) throws(Failure) -> PipelineRunner {
        let runner = try runner(name)
        let state = runner.pipelineState
        guard [.failed, .finished, .stopped].contains(state) else { return runner }
        throw Failure(
            .notRunning, "the pipeline has \(state.rawValue)",
            advice: state == .failed
                ? "'why' tells the cause; mend it and start the node again"
                : "It runs again with the node's next start",
            place: runner.description.name)
    }

    func runner(_ name: String) throws(Failure) -> PipelineRunner {
        if let found = runners.first(where: { $0.description.name == name }) { return found }
        let known = runners.map(\.description.name)
        let hint = Spelling.nearest(to: name, in: known).map { "Did you mean \($0)?" }
        throw Failure(
            .notFound, "there is no pipeline '\(name)'",
            advice: hint ?? (known.isEmpty ? "This node runs none" : "There are: \(known.joined(separator: ", "))"))
    }
}
