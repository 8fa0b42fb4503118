internal import MillraceCore

/// The OpenAPI 3.1 document of a set of routes.
enum OpenAPI {
    static func document(_ routes: [Route]) -> [UInt8] {
        var json = JSONWriter(capacity: 16 << 10)
        json.object { json in
            json.member("openapi", "3.1.0")
            json.key("info")
            json.object { json in
                json.member("title", "Millrace")
                json.member("version", "1")
                json.member("description", "Logs, tables and pipelines of one node.")
            }
            json.key("paths")
            json.object { json in
                var seen: [String] = []
                for route in routes where !seen.contains(route.pattern) {
                    seen.append(route.pattern)
                    json.key(route.pattern)
                    json.object { json in
                        for operation in routes where operation.pattern == route.pattern { write(operation, &json) }
                    }
                }
            }
            json.key("components")
            json.object { json in components(&json) }
        }
        return json.bytes
    }

    private static func write(_ route: Route, _ json: inout JSONWriter) {
        json.key(route.method.rawValue.lowercased())
        json.object { json in
            json.member("operationId", identifier(route))
            json.member("summary", route.summary)
            json.key("parameters")
            json.array { json in
                for name in route.pathParameters {
                    json.object { json in
                        json.member("name", name)
                        json.member("in", "path")
                        json.member("required", true)
                        schema("string", &json)
                    }
                }
                for parameter in route.parameters {
                    json.object { json in
                        json.member("name", parameter.name)
                        json.member("in", "query")
                        json.member("description", parameter.meaning)
                        if parameter.isRepeatable {
                            json.key("schema")
                            json.object { json in
                                json.member("type", "array")
                                json.key("items")
                                json.object { json in json.member("type", parameter.kind.rawValue) }
                            }
                        } else {
                            schema(parameter.kind.rawValue, &json)
                        }
                    }
                }
            }
            if !route.consumes.isEmpty {
                json.key("requestBody")
                json.object { json in
                    json.key("content")
                    json.object { json in
                        for type in route.consumes {
                            json.key(type)
                            json.object { json in schema(type == "application/json" ? "object" : "string", &json) }
                        }
                    }
                }
            }
            if route.access == .admin {
                json.key("security")
                json.array { json in
                    json.object { json in
                        json.key("token")
                        json.array { _ in }
                    }
                }
            }
            json.key("responses")
            json.object { json in responses(route, &json) }
        }
    }

    private static func responses(_ route: Route, _ json: inout JSONWriter) {
        json.key("200")
        json.object { json in
            json.member("description", "Done")
            json.key("content")
            json.object { json in
                for type in route.produces {
                    json.key(type)
                    json.object { _ in }
                }
            }
        }
        json.key("default")
        json.object { json in
            json.member("description", "What went wrong")
            json.key("content")
            json.object { json in
                json.key("application/json")
                json.object { json in
                    json.key("schema")
                    json.object { json in json.member("$ref", "#/components/schemas/Error") }
                }
            }
        }
    }

    private static func components(_ json: inout JSONWriter) {
        json.key("schemas")
        json.object { json in
            json.key("Error")
            json.object { json in
                json.member("type", "object")
                json.key("required")
                json.array { json in json.string("error") }
                json.key("properties")
                json.object { json in
                    json.key("error")
                    json.object { json in
                        json.member("type", "object")
                        json.key("properties")
                        json.object { json in
                            for name in ["code", "message", "advice", "place"] {
                                json.key(name)
                                json.object { json in json.member("type", "string") }
                            }
                        }
                    }
                }
            }
        }
        json.key("securitySchemes")
        json.object { json in
            json.key("token")
            json.object { json in
                json.member("type", "http")
                json.member("scheme", "bearer")
            }
        }
    }

    private static func schema(_ type: String, _ json: inout JSONWriter) {
        json.key("schema")
        json.object { json in json.member("type", type) }
    }

    private static func identifier(_ route: Route) -> String {
        ([route.method.rawValue.lowercased()] + route.segments.map { $0.filter { $0.isLetter || $0.isNumber } })
            .joined(separator: "-")
    }
}
