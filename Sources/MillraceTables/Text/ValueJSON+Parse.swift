internal import MillraceCore

extension ValueJSON {
    /// Reads a value of the type; nil for null. Strict: a number that does not fit, a name that is not a field and a
    /// string that is not of the type are faults with their place. Numbers may also stand in strings.
    public static func value(_ tree: JSONTree, as type: ColumnType) throws(TextFault) -> Value? {
        switch (tree.node, type) {
        case (.null, _): return nil
        case (.array(let elements), .list(let element, _)):
            return .list(try values(elements, as: element, in: type))
        case (.array(let elements), .set(let element, _)):
            return .set(try values(elements, as: element, in: type))
        case (.object(let members), .map(let key, let value, _)):
            var entries: [Value.MapEntry] = []
            for member in members {
                guard let content = try ValueJSON.value(member.value, as: value) else {
                    throw member.value.fault("null cannot be in a map")
                }
                entries.append(.init(try mapKey(member.key, as: key, at: member.value), content))
            }
            return .map(entries)
        case (.array(let elements), .tuple(let types)):
            guard elements.count <= types.count else {
                throw tree.fault("\(elements.count) elements do not fit \(type)")
            }
            var fields: [Value?] = []
            for (element, type) in zip(elements, types) { fields.append(try value(element, as: type)) }
            return .tuple(fields)
        case (.object(let members), .user(let user, _)):
            var fields: [Value?] = Array(repeating: nil, count: user.fields.count)
            for member in members {
                guard let i = user.fields.firstIndex(where: { $0.name == member.key }) else {
                    throw member.value.fault("type \(type) has no field \"\(member.key)\"")
                }
                fields[i] = try value(member.value, as: user.fields[i].type)
            }
            return .tuple(fields)
        case (.flag(let flag), .boolean): return .boolean(flag)
        case (.number(let text), _) where type.isNumber:
            guard let value = ScalarText.value(text, as: type) else { throw mismatch("the number \(text)", type, tree) }
            return value
        // Milliseconds.
        case (.number(let text), .timestamp):
            guard let value = Int64(text) else { throw mismatch("the number \(text)", type, tree) }
            return .timestamp(value)
        case (.text(let text), _) where !type.isComposed:
            guard let value = ScalarText.value(text, as: type) else { throw mismatch("\"\(text)\"", type, tree) }
            return value
        default: throw mismatch(tree.kind, type, tree)
        }
    }

    private static func values(
        _ elements: [JSONTree], as type: ColumnType, in whole: ColumnType
    ) throws(TextFault) -> [Value] {
        var values: [Value] = []
        values.reserveCapacity(elements.count)
        for element in elements {
            guard let value = try value(element, as: type) else {
                throw element.fault("null cannot be in a \(whole)")
            }
            values.append(value)
        }
        return values
    }

    private static func mapKey(_ name: String, as type: ColumnType, at tree: JSONTree) throws(TextFault) -> Value {
        if !type.isComposed {
            guard let value = ScalarText.value(name, as: type) else {
                throw mismatch("the name \"\(name)\"", type, tree)
            }
            return value
        }
        do throws(TextFault) {
            if let value = try value(try JSONParser.parse(name), as: type) { return value }
        } catch {
            throw tree.fault("the name \"\(name)\" is not the JSON of a \(type): \(error.message)")
        }
        throw tree.fault("null cannot be a key of a map")
    }

    private static func mismatch(_ what: String, _ type: ColumnType, _ tree: JSONTree) -> TextFault {
        let expected =
            switch type {
            case .list, .set, .tuple: "an array"
            case .map, .user: "an object"
            default: ScalarText.example(of: type)
            }
        return tree.fault("\(what) is not a \(type); expected \(expected)")
    }
}

extension ColumnType {
    /// Written in JSON as a number.
    public var isNumber: Bool {
        switch self {
        case .tinyint, .smallint, .int, .bigint, .varint, .decimal, .float, .double, .counter: true
        default: false
        }
    }
}
