internal import MillraceCore
internal import MillraceEngine
internal import MillraceLog

/// Figures as Prometheus reads them: seconds, bytes, ratios; label sets bounded.
enum MetricsText {
    typealias Labels = [(name: String, value: String)]

    struct Page {
        var text = ""

        mutating func metric(_ name: String, _ type: String, _ help: String, _ samples: [(Labels, Double)]) {
            guard !samples.isEmpty else { return }
            text += "# HELP millrace_\(name) \(help)\n# TYPE millrace_\(name) \(type)\n"
            for (labels, value) in samples.prefix(Limits.metricSeries) {
                text += "millrace_\(name)"
                if !labels.isEmpty {
                    text += "{" + labels.map { "\($0.name)=\"\(escape($0.value))\"" }.joined(separator: ",") + "}"
                }
                text += " \(number(value))\n"
            }
            // So that what is cut off is seen to be.
            if samples.count > Limits.metricSeries {
                text += "# \(samples.count - Limits.metricSeries) series of millrace_\(name) left out\n"
            }
        }

        private func escape(_ value: String) -> String {
            var out = ""
            for character in value.unicodeScalars {
                switch character {
                case "\\": out += "\\\\"
                case "\"": out += "\\\""
                case "\n": out += "\\n"
                default: out.unicodeScalars.append(character)
                }
            }
            return out
        }

        private func number(_ value: Double) -> String {
            value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
        }
    }

    static func render(_ status: NodeStatus, _ api: APIContext, _ http: HTTPFigures) -> String {
        var page = Page()
        page.metric("up_seconds", "gauge", "Seconds since the node started.", [([], status.uptime.seconds)])
        page.metric("cpu_seconds_total", "counter", "CPU time of the process.", [([], status.cpuSeconds)])
        page.metric("resident_bytes", "gauge", "Resident memory.", [([], Double(status.residentBytes))])
        page.metric(
            "healthy", "gauge", "1 when nothing is complained about.", [([], api.complaint(status) == nil ? 1 : 0)])
        pipelines(status, api.clock.wall, &page)
        logs(api, &page)
        page.metric("http_requests_total", "counter", "Requests.", [([], Double(http.requests))])
        page.metric("http_refused_total", "counter", "Requests refused before routing.", [([], Double(http.refused))])
        page.metric("http_failed_total", "counter", "Answers of 500 and above.", [([], Double(http.failed))])
        page.metric("http_slow_total", "counter", "Connections ended for being slow.", [([], Double(http.slow))])
        page.metric(
            "http_crowded_total", "counter", "Connections without the token ended to make room.",
            [([], Double(http.crowded))])
        page.metric("http_connections_total", "counter", "Connections.", [([], Double(http.connections))])
        page.metric("http_connections", "gauge", "Open connections.", [([], Double(http.open))])
        page.metric("http_streams", "gauge", "Clients that follow something.", [([], Double(api.streams.value))])
        page.metric("http_wrong_tokens_total", "counter", "Wrong tokens.", [([], Double(http.guesses))])
        return page.text
    }

    private static func pipelines(_ status: NodeStatus, _ wall: EventTime, _ page: inout Page) {
        let pipelines = status.pipelines
        func each(_ value: (PipelineStatus) -> Double) -> [(Labels, Double)] {
            pipelines.map { ([("pipeline", $0.name)], value($0)) }
        }
        func tasks(_ value: (TaskStatus) -> Double?) -> [(Labels, Double)] {
            pipelines.flatMap { pipeline in
                pipeline.tasks.compactMap { task in
                    value(task).map {
                        (
                            [
                                ("pipeline", pipeline.name), ("stage", "\(task.stage)"),
                                ("partition", "\(task.partition)"),
                            ], $0
                        )
                    }
                }
            }
        }
        page.metric(
            "pipeline_state", "gauge", "1 for the state a pipeline is in.",
            pipelines.map { ([("pipeline", $0.name), ("state", $0.state.rawValue)], 1) })
        page.metric("dead_letters_total", "counter", "Records dead-lettered.", each { Double($0.deadLetters) })
        page.metric("parked_keys", "gauge", "Keys that wait behind a failed record.", each { Double($0.parkedKeys) })
        page.metric("records_in_total", "counter", "Records read.", tasks { Double($0.recordsIn) })
        page.metric("records_out_total", "counter", "Rows and records produced.", tasks { Double($0.recordsOut) })
        page.metric("late_records_total", "counter", "Records behind the watermark.", tasks { Double($0.lateRecords) })
        page.metric("bad_records_total", "counter", "Records that failed.", tasks { Double($0.badRecords) })
        page.metric("lag_records", "gauge", "Records not read yet.", tasks { Double($0.lagRecords) })
        page.metric("lag_seconds", "gauge", "Age of the next unread record.", tasks { $0.lag.seconds })
        page.metric(
            "watermark_lag_seconds", "gauge", "How far the watermark is behind the wall clock.",
            tasks { task in task.watermark.flatMap { $0 == .distantFuture ? nil : (wall - $0).seconds } })
        page.metric("busy_ratio", "gauge", "Share of time at work.", tasks { $0.busy })
        page.metric("idle_ratio", "gauge", "Share of time without input.", tasks { $0.idle })
        page.metric("blocked_ratio", "gauge", "Share of time held up from behind.", tasks { $0.blocked })
        page.metric("commit_age_seconds", "gauge", "Since the last commit.", tasks { $0.commitAge.seconds })
        page.metric("commit_seconds", "gauge", "Duration of the last commit.", tasks { $0.commitDuration.seconds })
        page.metric("commits_total", "counter", "Commits.", tasks { Double($0.commits) })
        page.metric("state_bytes", "gauge", "State in memory.", tasks { Double($0.stateBytes) })
        page.metric("restarts_total", "counter", "Restarts of a task.", tasks { Double($0.restarts) })
    }

    private static func logs(_ api: APIContext, _ page: inout Page) {
        guard let log = api.backend.log else { return }
        let partitions = log.topics.flatMap { topic in topic.partitions.map { (topic.name, $0) } }
        func each(_ value: (Partition) -> Double) -> [(Labels, Double)] {
            partitions.map { ([("log", $0.0), ("partition", "\($0.1.index)")], value($0.1)) }
        }
        page.metric("log_end_offset", "gauge", "The next offset to be written.", each { Double($0.endOffset) })
        page.metric("log_start_offset", "gauge", "The first offset there is.", each { Double($0.startOffset) })
        page.metric("log_bytes", "gauge", "Bytes of all segments.", each { Double($0.byteCount) })
        page.metric("log_faulty", "gauge", "1 when a partition refuses service.", each { $0.fault == nil ? 0 : 1 })
    }
}
