internal import MillraceCore
internal import MillraceEngine

/// The node itself: health, what it is, how it is set, its figures.
enum NodeAPI {
    static func routes(_ api: APIContext, http: @escaping @Sendable () -> HTTPFigures) -> [Route] {
        [
            Route(.get, "/health", .open, "Answers while the process lives", produces: ["text/plain"]) { _, _ in
                .now(.text("ok\n"))
            },
            Route(
                .get, "/ready", .open, "200 when every pipeline runs, 503 and why otherwise", produces: ["text/plain"]
            ) { _, _ in
                .later {
                    let status = await api.backend.status()
                    if let complaint = api.complaint(status) { return .text("\(complaint)\n", status: 503) }
                    let starting = status.pipelines.first { $0.state == .starting || $0.state == .restarting }
                    if let starting { return .text("\(starting.name) is \(starting.state.rawValue)\n", status: 503) }
                    return .text("ready\n")
                }
            },
            Route(.get, "/build", .read, "What is running") { _, _ in
                .now(
                    .json { json in
                        json.object { json in
                            json.member("name", "millrace")
                            json.member("release", api.backend.build)
                        }
                    })
            },
            Route(.get, "/configuration", .read, "The settings in force, secrets hidden", produces: ["text/plain"]) {
                _, _ in .now(.text(api.backend.configuration))
            },
            Route(
                .get, "/status", .read, "Node, pipelines and tasks, once or every second",
                [.init("follow", "again every second, as server-sent events", kind: .boolean)],
                produces: ["application/json", "text/event-stream"]
            ) { request, _ in
                do throws(Failure) {
                    if try request.query.flag("follow") { return .now(follow(api)) }
                } catch { return .now(.failure(error)) }
                return .later {
                    let status = await api.backend.status()
                    return .json { json in StatusJSON.write(status, api.complaint(status), at: api.clock.wall, &json) }
                }
            },
            Route(.get, "/metrics", .read, "Prometheus text", produces: ["text/plain"]) { _, _ in
                .later {
                    let status = await api.backend.status()
                    let text = MetricsText.render(status, api, http())
                    return Response(200, type: "text/plain; version=0.0.4; charset=utf-8", Array(text.utf8))
                }
            },
        ]
    }

    private static func follow(_ api: APIContext) -> Response {
        let stream = EventStream(clock: api.clock)
        stream.produce(api) { stream in
            var events = ServerEvents()
            while !stream.isClosed {
                let status = await api.backend.status()
                let wall = api.clock.wall
                events.event("status") { json in StatusJSON.write(status, api.complaint(status), at: wall, &json) }
                guard await events.flush(to: stream) else { return }
                guard
                    await stream.wait(
                        api.clock, { wake in _ = api.clock.schedule(at: api.clock.now + Limits.statusEvery, wake) })
                else { return }
            }
        }
        return Response(stream)
    }
}

/// What the server says about itself.
struct HTTPFigures: Sendable {
    var requests: Int64 = 0, refused: Int64 = 0, failed: Int64 = 0, slow: Int64 = 0, crowded: Int64 = 0
    var connections: Int64 = 0
    var open = 0
    var guesses: Int64 = 0
}
