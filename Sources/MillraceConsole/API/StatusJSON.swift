internal import MillraceCore
internal import MillraceEngine

/// The node's status as JSON: seconds and bytes throughout, times as RFC 3339.
enum StatusJSON {
    static func write(_ status: NodeStatus, _ complaint: String?, at wall: EventTime, _ json: inout JSONWriter) {
        json.object { json in
            json.member("at", wall.description)
            json.member("startedAt", status.startedAt.description)
            json.member("uptimeSeconds", status.uptime.seconds)
            json.member("cpuSeconds", status.cpuSeconds)
            json.member("residentBytes", status.residentBytes)
            json.member("healthy", complaint == nil)
            if let complaint { json.member("complaint", complaint) }
            json.key("pipelines")
            json.array { json in for pipeline in status.pipelines { write(pipeline, &json) } }
        }
    }

    static func write(_ pipeline: PipelineStatus, _ json: inout JSONWriter) {
        json.object { json in
            json.member("name", pipeline.name)
            json.member("state", pipeline.state.rawValue)
            if let failure = pipeline.failure { json.member("failure", failure) }
            json.member("deadLetters", pipeline.deadLetters)
            json.member("parkedKeys", pipeline.parkedKeys)
            json.key("outputs")
            json.array { json in for output in pipeline.outputs { json.string(output) } }
            json.key("stages")
            json.array { json in
                for stage in pipeline.stages {
                    json.object { json in
                        json.member("index", stage.index)
                        json.member("title", stage.title)
                        json.key("inputs")
                        json.array { json in for input in stage.inputs { json.string(input) } }
                        json.key("tasks")
                        json.array { json in for task in stage.tasks { write(task, &json) } }
                    }
                }
            }
        }
    }

    private static func write(_ task: TaskStatus, _ json: inout JSONWriter) {
        json.object { json in
            json.member("stage", task.stage)
            json.member("partition", task.partition)
            json.member("lane", task.lane)
            json.member("state", task.state.rawValue)
            json.member("position", task.position)
            json.member("end", task.end)
            json.member("lagRecords", task.lagRecords)
            json.member("lagSeconds", task.lag.seconds)
            if let watermark = task.watermark { json.member("watermark", watermark.description) }
            json.member("watermarkHolder", task.watermarkHolder)
            json.member("recordsIn", task.recordsIn)
            json.member("recordsOut", task.recordsOut)
            json.member("inPerSecond", task.inPerSecond)
            json.member("outPerSecond", task.outPerSecond)
            json.member("lateRecords", task.lateRecords)
            json.member("badRecords", task.badRecords)
            json.member("busy", task.busy)
            json.member("idle", task.idle)
            json.member("blocked", task.blocked)
            json.member("commitAgeSeconds", task.commitAge.seconds)
            json.member("commitSeconds", task.commitDuration.seconds)
            json.member("commits", task.commits)
            json.member("stateBytes", task.stateBytes)
            json.member("restarts", task.restarts)
            if let failure = task.lastFailure { json.member("lastFailure", failure) }
        }
    }

    static func write(_ parked: ParkedKey, _ json: inout JSONWriter) {
        json.object { json in
            json.member("stage", parked.stage)
            json.member("partition", parked.partition)
            json.member("input", parked.input)
            parked.key.withUnsafeBytes { BytesJSON.write("key", $0, &json) }
        }
    }

    static func write(_ letter: DeadLetter, _ json: inout JSONWriter) {
        json.object { json in
            json.member("partition", letter.partition)
            json.member("offset", letter.offset)
            json.member("pipeline", letter.pipeline)
            json.member("release", letter.release)
            json.member("sourceTopic", letter.sourceTopic)
            json.member("sourcePartition", letter.sourcePartition)
            json.member("sourceOffset", letter.sourceOffset)
            for (name, bytes) in [("key", letter.key), ("value", letter.value)] {
                if let bytes {
                    bytes.withUnsafeBytes { BytesJSON.write(name, $0, &json) }
                } else {
                    BytesJSON.write(name, nil, &json)
                }
            }
            json.member("error", letter.error)
            json.member("attempts", letter.attempts)
            json.member("at", letter.at.description)
        }
    }
}
