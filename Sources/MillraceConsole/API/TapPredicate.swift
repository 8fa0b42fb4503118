internal import MillraceCore
internal import MillraceEngine
internal import MillraceFlow
internal import MillraceTables

/// Which of the records that pass are shown: text in key or value, a whole key, and conditions on fields, which are the
/// columns of a row or the members of a value that is a JSON object.
struct TapPredicate: Sendable {
    struct Condition: Sendable, Hashable {
        enum Comparison: String, Sendable, CaseIterable {
            // Longer ones first: `>=` begins with `>`.
            case atLeast = ">=", atMost = "<=", differs = "!=", equals = "=", above = ">", below = "<", holds = "~"
        }
        var field: String
        var comparison: Comparison
        var text: String
        var number: Double?

        /// `count>=10`, `page=/home`, `kind!=view`, `page~home`.
        init(_ text: String) throws(Failure) {
            let found = text.indices.lazy.compactMap { index in
                Comparison.allCases.first { text[index...].hasPrefix($0.rawValue) }.map { (index, $0) }
            }.first
            guard let (index, comparison) = found, index > text.startIndex else {
                throw Failure(
                    .invalidArgument, "\"\(text)\" is no condition",
                    advice: "Write field, one of >= <= != = > < ~ (contains), and a value: count>=10")
            }
            field = String(text[..<index])
            self.comparison = comparison
            self.text = String(text[text.index(index, offsetBy: comparison.rawValue.count)...])
            number = Double(self.text)
        }

        func holds(_ value: Field?) -> Bool {
            guard let value else { return comparison == .differs }
            switch comparison {
            case .holds: return value.text.contains(text)
            case .equals: return order(value) == 0
            case .differs: return order(value) != 0
            case .atLeast: return order(value).map { $0 >= 0 } ?? false
            case .atMost: return order(value).map { $0 <= 0 } ?? false
            case .above: return order(value).map { $0 > 0 } ?? false
            case .below: return order(value).map { $0 < 0 } ?? false
            }
        }

        /// As numbers when both are, as text otherwise; `nil` for a number against what is none.
        private func order(_ value: Field) -> Int? {
            if let left = value.number {
                guard let right = number else { return nil }
                return left == right ? 0 : left < right ? -1 : 1
            }
            return value.text == text ? 0 : value.text < text ? -1 : 1
        }
    }

    /// A field's value: numbers also as such.
    struct Field: Sendable {
        var text: String
        var number: Double?
        init(_ text: String, number: Double? = nil) { (self.text, self.number) = (text, number) }
    }

    var contains: [UInt8]?
    var key: [UInt8]?
    var conditions: [Condition] = []

    func holds(_ sight: TapSight) -> Bool {
        if let key, !(sight.key.map { $0.elementsEqual(key) } ?? keyColumnIs(key, sight)) { return false }
        if let contains, !isIn(sight, contains) { return false }
        guard !conditions.isEmpty else { return true }
        let fields = Self.fields(of: sight)
        return conditions.allSatisfy { $0.holds(fields[$0.field]) }
    }

    private func keyColumnIs(_ key: [UInt8], _ sight: TapSight) -> Bool {
        guard let index = sight.columns.firstIndex(where: { $0.role == .partitionKey }) else { return false }
        return Self.field(sight.cells[index])?.text.utf8.elementsEqual(key) ?? false
    }

    private func isIn(_ sight: TapSight, _ text: [UInt8]) -> Bool {
        for part in [sight.key, sight.value] { if let part, ByteSearch.holds(part, text) { return true } }
        for cell in sight.cells {
            switch cell {
            case .text(let bytes), .bytes(let bytes): if ByteSearch.holds(bytes, text) { return true }
            default: continue
            }
        }
        return false
    }

    static func fields(of sight: TapSight) -> [String: Field] {
        var fields: [String: Field] = [:]
        for (column, cell) in zip(sight.columns, sight.cells) { fields[column.name] = field(cell) }
        guard let value = sight.value else { return fields }
        var tree: JSONTree?
        // What is no JSON has no fields.
        do throws(TextFault) { tree = try JSONParser.parse(value) } catch { return fields }
        guard case .object(let members)? = tree?.node else { return fields }
        for member in members {
            switch member.value.node {
            case .text(let text): fields[member.key] = Field(text)
            case .number(let text): fields[member.key] = Field(text, number: Double(text))
            case .flag(let flag): fields[member.key] = Field(flag ? "true" : "false")
            case .null, .array, .object: continue
            }
        }
        return fields
    }

    private static func field(_ cell: RowCell) -> Field? {
        switch cell {
        case .null: nil
        case .bool(let flag): Field(flag ? "true" : "false")
        case .int(let number): Field(String(number), number: Double(number))
        case .double(let number): Field(String(number), number: number)
        case .text(let bytes): Field(String(decoding: bytes, as: UTF8.self))
        case .bytes(let bytes): Field(Hex.text(Array(bytes)))
        case .time(let time): Field(time.description)
        }
    }
}

/// Looks for bytes in bytes.
enum ByteSearch {
    static func holds(_ bytes: UnsafeRawBufferPointer, _ text: [UInt8]) -> Bool {
        guard let first = text.first else { return true }
        guard bytes.count >= text.count else { return false }
        for start in 0...(bytes.count - text.count) where bytes[start] == first {
            if bytes[start..<start + text.count].elementsEqual(text) { return true }
        }
        return false
    }
}
