internal import MillraceCore
internal import MillraceEngine

/// Pipelines: how they do, why, and the few things one may tell them.
enum PipelinesAPI {
    static func routes(_ api: APIContext) -> [Route] {
        [
            Route(.get, "/pipelines", .read, "Lists the pipelines with their tasks") { _, _ in
                .later {
                    let status = await api.backend.status()
                    return .json { json in
                        json.object { json in
                            json.key("pipelines")
                            json.array { json in for pipeline in status.pipelines { StatusJSON.write(pipeline, &json) }
                            }
                        }
                    }
                }
            },
            Route(.get, "/pipelines/{pipeline}", .read, "One pipeline with its stages and tasks") { _, values in
                .waiting { () throws(Failure) in
                    let status = await api.backend.status()
                    guard let pipeline = status.pipelines.first(where: { $0.name == values[0] }) else {
                        throw missing(values[0])
                    }
                    return .json { json in StatusJSON.write(pipeline, &json) }
                }
            },
            text("/pipelines/{pipeline}/plan", "The plan as the compiler of pipelines made it", api) {
                (inspector, values) throws(Failure) in try await inspector.plan(of: values[0])
            },
            text("/pipelines/{pipeline}/why", "Why a window has not fired, and where lag comes from", api) {
                (inspector, values) throws(Failure) in try await inspector.why(pipeline: values[0])
            },
            Route(
                .get, "/tables/{table}/explain", .read, "The commits and inputs behind a row",
                [.init("key", "value of a key column; repeated for each", isRepeatable: true, isRequired: true)],
                produces: ["text/plain"]
            ) { request, values in
                .waiting { () throws(Failure) in
                    let inspector = try api.needInspector()
                    return .text(try await inspector.explain(table: values[0], key: request.query.values("key")))
                }
            },
            TapAPI.route(api),
            command("/pipelines/{pipeline}/pause", "Pauses a pipeline where it is", api) {
                (inspector, values) throws(Failure) in try await inspector.pause(pipeline: values[0])
            },
            command("/pipelines/{pipeline}/resume", "Lets a paused pipeline go on", api) {
                (inspector, values) throws(Failure) in try await inspector.resume(pipeline: values[0])
            },
            Route(
                .get, "/pipelines/{pipeline}/dead-letters", .read,
                "Records that could not be processed, with provenance",
                [.init("limit", "letters at most", kind: .integer, range: 1...1_000)]
            ) { request, values in
                .waiting { () throws(Failure) in
                    let limit = try request.query.integer("limit", in: 1...1_000, default: 100)
                    let letters = try await api.needInspector().deadLetters(of: values[0], limit: limit)
                    return .json { json in
                        json.object { json in
                            json.key("deadLetters")
                            json.array { json in for letter in letters { StatusJSON.write(letter, &json) } }
                        }
                    }
                }
            },
            Route(
                .get, "/pipelines/{pipeline}/parked-keys", .read,
                "Keys whose records wait among the dead letters behind one that failed",
                [.init("limit", "keys at most", kind: .integer, range: 1...Limits.parkedKeysPerAnswer)]
            ) { request, values in
                .waiting { () throws(Failure) in
                    let limit = try request.query.integer("limit", in: 1...Limits.parkedKeysPerAnswer, default: 100)
                    let keys = try await api.needInspector().parkedKeys(of: values[0], limit: limit)
                    return .json { json in
                        json.object { json in
                            json.key("parkedKeys")
                            json.array { json in for key in keys { StatusJSON.write(key, &json) } }
                        }
                    }
                }
            },
            Route(
                .post, "/pipelines/{pipeline}/dead-letters/redrive", .admin,
                "Appends dead letters to their source again, in order",
                [.init("limit", "letters at most", kind: .integer, range: 1...100_000)]
            ) { request, values in
                .waiting { () throws(Failure) in
                    let limit = try request.query.integer("limit", in: 1...100_000, default: 1_000)
                    let count = try await api.needInspector().redrive(pipeline: values[0], limit: limit)
                    return .json { json in json.object { json in json.member("redriven", count) } }
                }
            },
        ]
    }

    static func missing(_ name: String) -> Failure {
        Failure(.notFound, "there is no pipeline \(name)", advice: "GET /pipelines lists them", place: name)
    }

    private static func text(
        _ pattern: String, _ summary: String, _ api: APIContext,
        _ body: @escaping @Sendable (any NodeInspector, [String]) async throws(Failure) -> String
    ) -> Route {
        Route(.get, pattern, .read, summary, produces: ["text/plain"]) { _, values in
            .waiting { () throws(Failure) in .text(try await body(try api.needInspector(), values)) }
        }
    }

    private static func command(
        _ pattern: String, _ summary: String, _ api: APIContext,
        _ body: @escaping @Sendable (any NodeInspector, [String]) async throws(Failure) -> Void
    ) -> Route {
        Route(.post, pattern, .admin, summary) { _, values in
            .waiting { () throws(Failure) in
                try await body(try api.needInspector(), values)
                return .json { json in json.object { json in json.member("done", true) } }
            }
        }
    }
}
