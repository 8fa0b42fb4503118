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
                for parameter in route.parameters { write(parameter, &json) }
            }
            if !route.consumes.isEmpty {
                json.key("requestBody")
                json.object { json in
                    json.key("content")
                    json.object { json in
                        for type in route.consumes {
                            json.key(type)
                            json.object { json in body(route, type, &json) }
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

    private static func write(_ parameter: Route.Parameter, _ json: inout JSONWriter) {
        json.object { json in
            json.member("name", parameter.name)
            json.member("in", parameter.place.rawValue)
            json.member("description", parameter.meaning)
            if parameter.isRequired { json.member("required", true) }
            json.key("schema")
            json.object { json in
                guard parameter.isRepeatable else { return kind(parameter, &json) }
                json.member("type", "array")
                if parameter.isRequired { json.member("minItems", 1) }
                json.key("items")
                json.object { json in kind(parameter, &json) }
            }
        }
    }

    private static func kind(_ parameter: Route.Parameter, _ json: inout JSONWriter) {
        json.member("type", parameter.kind.rawValue)
        if let range = parameter.range {
            json.member("minimum", range.lowerBound)
            json.member("maximum", range.upperBound)
        }
        if !parameter.pattern.isEmpty { json.member("pattern", parameter.pattern) }
        guard !parameter.values.isEmpty else { return }
        json.key("enum")
        json.array { json in for value in parameter.values { json.string(value) } }
    }

    /// A body that is JSON for the API has a schema; what goes into a log is any value at all.
    private static func body(_ route: Route, _ type: String, _ json: inout JSONWriter) {
        guard let fields = route.bodyFields, type == "application/json" else {
            if type == "application/json" {
                json.key("schema")
                return json.object { _ in }
            }
            return schema("string", &json)
        }
        json.key("schema")
        json.object { json in
            json.member("type", "object")
            json.member("additionalProperties", false)
            json.key("required")
            json.array { json in for field in fields where field.isRequired { json.string(field.name) } }
            json.key("properties")
            json.object { json in
                for field in fields {
                    json.key(field.name)
                    json.object { json in
                        kind(field, &json)
                        json.member("description", field.meaning)
                    }
                }
            }
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
