public import MillraceCore

extension ColumnType {
    /// The value in the form in which it is stored, checked against the type in depth: sets in order without repeats,
    /// maps in order of their keys, of repeated keys the last.
    public func canonical(_ value: Value) throws(Failure) -> Value {
        switch (self, value) {
        case (.list(let element, _), .list(let values)): return .list(try element.canonical(all: values))
        case (.set(let element, _), .set(let values)): return .set(element.distinct(try element.canonical(all: values)))
        case (.map(let key, let value, _), .map(let entries)):
            var result: [Value.MapEntry] = []
            result.reserveCapacity(entries.count)
            for entry in entries {
                result.append(.init(try key.canonical(entry.key), try value.canonical(entry.value)))
            }
            return .map(key.distinct(result))
        case (.tuple, .tuple(let fields)), (.user, .tuple(let fields)):
            let types = parts
            guard fields.count <= types.count else {
                throw Failure(.wrongType, "a tuple of \(fields.count) fields does not fit one of \(types.count)")
            }
            var result: [Value?] = []
            result.reserveCapacity(fields.count)
            for (type, field) in zip(types, fields) {
                if let field { result.append(try type.canonical(field)) } else { result.append(nil) }
            }
            return .tuple(result)
        default:
            guard admits(value) else {
                throw Failure(.wrongType, "a value of kind \(value.kind) cannot be stored as \(self)")
            }
            return value
        }
    }

    private func canonical(all values: [Value]) throws(Failure) -> [Value] {
        var result: [Value] = []
        result.reserveCapacity(values.count)
        for value in values { result.append(try canonical(value)) }
        return result
    }

    /// Whether the value is of the right kind. Its content is checked when it is encoded.
    func admits(_ value: Value) -> Bool {
        switch (self, value) {
        case (.text, .text), (.ascii, .text), (.blob, .blob), (.boolean, .boolean), (.tinyint, .tinyint),
            (.smallint, .smallint), (.int, .int), (.bigint, .bigint), (.counter, .bigint), (.varint, .varint),
            (.decimal, .decimal), (.float, .float), (.double, .double), (.date, .date), (.time, .time),
            (.timestamp, .timestamp), (.uuid, .uuid), (.timeuuid, .uuid), (.inet, .inet), (.duration, .duration),
            (.list, .list), (.set, .set), (.map, .map), (.tuple, .tuple), (.user, .tuple):
            true
        default: false
        }
    }

    /// Canonical elements of this type in order, the first of equal ones.
    func distinct(_ elements: [Value]) -> [Value] {
        if zip(elements, elements.dropFirst()).allSatisfy({ order($0, $1) < 0 }) { return elements }
        var result: [Value] = []
        for element in elements.stablySorted(by: { order($0, $1) }) {
            if let last = result.last, order(last, element) == 0 { continue }
            result.append(element)
        }
        return result
    }
    /// Canonical entries with keys of this type in order, the last of equal ones.
    func distinct(_ entries: [Value.MapEntry]) -> [Value.MapEntry] {
        if zip(entries, entries.dropFirst()).allSatisfy({ order($0.key, $1.key) < 0 }) { return entries }
        var result: [Value.MapEntry] = []
        for entry in entries.stablySorted(by: { order($0.key, $1.key) }) {
            if let last = result.last, order(last.key, entry.key) == 0 { result.removeLast() }
            result.append(entry)
        }
        return result
    }
}

extension Array {
    /// Equal elements keep their order, which the library's sort does not promise.
    func stablySorted(by order: (Element, Element) -> Int) -> [Element] {
        enumerated().sorted { a, b in
            let result = order(a.element, b.element)
            return result != 0 ? result < 0 : a.offset < b.offset
        }.map(\.element)
    }
}
