internal import MillraceCore

/// Answers why a pipeline shows no result: which task holds the watermark, and where lag comes from.
enum WhyText {
    static func render(_ pipeline: PipelineStatus, now: EventTime) -> String {
        var lines = ["\(pipeline.name) is \(pipeline.state.rawValue)."]
        if let failure = pipeline.failure { lines.append("It has failed: \(failure)") }
        for stage in pipeline.stages {
            lines.append("")
            lines.append("stage \(stage.index) reads \(stage.input)")
            lines += watermark(stage, now).map { "  " + $0 }
            lines += lag(stage).map { "  " + $0 }
            lines += trouble(stage).map { "  " + $0 }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func watermark(_ stage: StageStatus, _ now: EventTime) -> [String] {
        let running = stage.tasks.filter { $0.state != .finished }
        guard let first = running.first else { return ["all tasks have finished: every window has fired"] }
        let silent = running.filter { $0.watermark == nil }
        guard
            let lowest = running.filter({ $0.watermark != nil }).min(by: {
                ($0.watermark ?? .distantPast) < ($1.watermark ?? .distantPast)
            })
        else {
            return [
                "no task has a watermark yet, so no window can fire",
                first.recordsIn == 0
                    ? "nothing was read from \(stage.input): is anybody writing to it?"
                    : "records were read, but none has brought an event time; it waits for \(first.watermarkHolder)",
            ]
        }
        var lines: [String] = []
        if let watermark = lowest.watermark, watermark != .distantFuture {
            let behind = now - watermark
            lines.append(
                "windows that end by \(watermark) have fired; that is \(HumanText.span(behind)) ago by the wall clock")
            let age = lowest.watermarkAge.map { ", and has not moved for \(HumanText.span($0))" } ?? ""
            lines.append(
                "partition \(lowest.partition) is furthest behind; its watermark is held by "
                    + "\(lowest.watermarkHolder)\(age)")
        } else {
            lines.append("the input has ended: every window has fired")
        }
        let idle = running.filter { $0.isIdle && $0.watermark != .distantFuture }.map { "\($0.partition)" }
        if !idle.isEmpty {
            let names = idle.prefix(5).joined(separator: ", ") + (idle.count > 5 ? ", …" : "")
            lines.append("nothing comes in partition \(names): event time goes on there by the wall clock")
        }
        if !silent.isEmpty {
            let names = silent.prefix(5).map { "\($0.partition)" }.joined(separator: ", ")
            lines.append("partitions without any record yet: \(names)\(silent.count > 5 ? ", …" : "")")
        }
        return lines
    }

    private static func lag(_ stage: StageStatus) -> [String] {
        let total = stage.tasks.reduce(0) { $0 + $1.lagRecords }
        guard total > 0, let worst = stage.tasks.max(by: { $0.lagRecords < $1.lagRecords }) else {
            return ["everything in \(stage.input) has been read"]
        }
        return [
            "\(HumanText.count(total)) records of \(stage.input) are unread, "
                + "\(HumanText.count(worst.lagRecords)) of them in partition \(worst.partition)"
        ]
    }

    private static func trouble(_ stage: StageStatus) -> [String] {
        stage.tasks.compactMap { task in
            switch task.state {
            case .paused: "partition \(task.partition) is paused: resume the pipeline to go on"
            case .restarting:
                "partition \(task.partition) failed and is waiting for its restart: \(task.lastFailure ?? "unknown")"
            case .failed: "partition \(task.partition) has failed for good: \(task.lastFailure ?? "unknown")"
            default: nil
            }
        }
    }
}
