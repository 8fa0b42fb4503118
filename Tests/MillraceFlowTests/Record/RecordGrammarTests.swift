import MillraceCore
import MillraceFlow
import Testing

/// Any JSON value, so that a whole document is read.
indirect enum Value: Codable, Equatable {
    case null, bool(Bool), number(Double), text(String), array([Value]), object([String: Value])

    struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
    init(from decoder: any Decoder) throws {
        if let keyed = try? decoder.container(keyedBy: Key.self) {
            var members: [String: Value] = [:]
            for key in keyed.allKeys { members[key.stringValue] = try keyed.decode(Value.self, forKey: key) }
            self = .object(members)
            return
        }
        if var list = try? decoder.unkeyedContainer() {
            var elements: [Value] = []
            while !list.isAtEnd { elements.append(try list.decode(Value.self)) }
            self = .array(elements)
            return
        }
        let single = try decoder.singleValueContainer()
        if single.decodeNil() {
            self = .null
        } else if let flag = try? single.decode(Bool.self) {
            self = .bool(flag)
        } else if let number = try? single.decode(Double.self) {
            self = .number(number)
        } else {
            self = .text(try single.decode(String.self))
        }
    }
    func encode(to encoder: any Encoder) throws {
        switch self {
        case .object(let members):
            var keyed = encoder.container(keyedBy: Key.self)
            for (key, value) in members.sorted(by: { $0.key < $1.key }) {
                try keyed.encode(value, forKey: Key(stringValue: key))
            }
        case .array(let elements):
            var list = encoder.unkeyedContainer()
            for element in elements { try list.encode(element) }
        case .null:
            var single = encoder.singleValueContainer()
            try single.encodeNil()
        case .bool(let value):
            var single = encoder.singleValueContainer()
            try single.encode(value)
        case .number(let value):
            var single = encoder.singleValueContainer()
            try single.encode(value)
        case .text(let value):
            var single = encoder.singleValueContainer()
            try single.encode(value)
        }
    }
}

func read<T: Decodable>(_ type: T.Type, _ bytes: [UInt8]) throws(RecordFault) -> T {
    let outcome: Result<T, RecordFault> = bytes.withUnsafeBytes { buffer in
        do throws(RecordFault) { return .success(try JSON.decode(type, from: buffer)) } catch { return .failure(error) }
    }
    return try outcome.get()
}
func read<T: Decodable>(_ type: T.Type, _ text: String) throws(RecordFault) -> T { try read(type, Array(text.utf8)) }
func read<T: Record>(record type: T.Type, _ bytes: [UInt8]) throws(RecordFault) -> T {
    let outcome: Result<T, any Error> = bytes.withUnsafeBytes { buffer in
        Result { try T.decode(key: nil, value: buffer) }
    }
    switch outcome {
    case .success(let record): return record
    case .failure(let error as RecordFault): throw error
    case .failure(let error): throw RecordFault(.custom, at: 0, detail: "unexpected \(error)")
    }
}
func read<T: Record>(record type: T.Type, _ text: String) throws(RecordFault) -> T {
    try read(record: type, Array(text.utf8))
}

/// Looks at one field, so that everything around it is only checked.
private struct Probe: FieldRecord {
    let found: Bool
    static let fields: JSONFields = ["probe"]
    init(_ row: borrowing JSONRow) throws(RecordFault) { found = row.isPresent(0) }
    func encode(into writer: inout ByteWriter) {}
    func store(into writer: inout ByteWriter) {}
    static func load(from reader: inout ByteReader) throws -> Probe { throw RecordFault(.custom, at: 0) }
}

@Suite struct RecordGrammarTests {
    static let accepted = [
        "0", "-0", "1", "-1", "10", "0.5", "-0.5e10", "1E+2", "1e-2", "0e0", "123456789012345678901234567890", "1e308",
        "null", "true", "false", "\"\"", "\"a\"", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u0000\"", "\"\\ud83d\\ude00\"",
        "\"\\uD83D\\uDE00\"", "\"é\"", "\"\u{7f}\"", "[]", "[ ]", "{}", "{ }", "[1]", "[1,2]", "[[],{}]", "{\"\":0}",
        "{\"a\":{\"b\":[null]}}", " \t\r\n[ 1 , 2 ] \n", "[\"[\",\"]\",\"{\",\",\"]", "\"\\\\\"", "[\"a\\\\\",1]",
    ]
    static let rejected: [(String, RecordFault.Reason)] = [
        ("", .truncated), (" ", .truncated), ("[", .truncated), ("{", .truncated), ("[1", .truncated),
        ("{\"a\"", .truncated), ("{\"a\":", .truncated), ("{\"a\":1", .truncated), ("[1,", .truncated),
        ("\"", .truncated), ("\"a", .truncated), ("{\"a", .truncated), ("\"\\\"", .truncated),
        ("]", .syntax), ("}", .syntax), (",", .syntax), (":", .syntax), ("[,]", .syntax), ("[1,]", .syntax),
        ("[,1]", .syntax), ("[1 2]", .syntax), ("[1}", .syntax), ("{]", .syntax), ("{1:2}", .syntax),
        ("{\"a\" 1}", .syntax), ("{\"a\":1,}", .syntax), ("{,}", .syntax), ("{\"a\":1 \"b\":2}", .syntax),
        ("{\"a\":}", .syntax), ("{\"a\"::1}", .syntax), ("{a:1}", .syntax), ("tru", .syntax), ("truee", .syntax),
        ("True", .syntax), ("nul", .syntax), ("NaN", .syntax), ("Infinity", .syntax), ("'a'", .syntax),
        ("/**/1", .syntax), ("[true false]", .syntax), ("\u{feff}1", .syntax),
        ("01", .invalidNumber), ("-", .invalidNumber), ("-a", .invalidNumber), ("1.", .invalidNumber),
        ("1.e1", .invalidNumber), ("1e", .invalidNumber), ("1e+", .invalidNumber), ("0x1", .invalidNumber),
        ("1a", .invalidNumber), ("--1", .invalidNumber), ("+1", .syntax), (".5", .syntax), ("1_000", .invalidNumber),
        ("-Infinity", .invalidNumber), ("00", .invalidNumber), ("1.2.3", .invalidNumber),
        ("1 2", .trailingBytes), ("{} {}", .trailingBytes), ("[]]", .trailingBytes), ("null,", .trailingBytes),
        ("\"a\"b", .trailingBytes), ("\"a\"\"b\"", .trailingBytes), ("{}garbage", .trailingBytes),
        ("\"\\x\"", .invalidEscape), ("\"\\u12\"", .invalidEscape), ("\"\\u12G4\"", .invalidEscape),
        ("\"\\ud800\"", .invalidEscape), ("\"\\udc00\"", .invalidEscape), ("\"\\ud800\\u0041\"", .invalidEscape),
        ("\"\\ud800\\ud800\"", .invalidEscape), ("\"\\ud83dx\"", .invalidEscape), ("{\"\\q\":1}", .invalidEscape),
        ("\"a\u{1}b\"", .controlCharacter), ("\"\n\"", .controlCharacter), ("\"\t\"", .controlCharacter),
    ]
    static let damaged: [[UInt8]] = [
        [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
        [0x22, 0xF5, 0x80, 0x80, 0x80, 0x22],
        [0x22, 0xE2, 0x82, 0x22], [0x22, 0x80, 0x22], [0x22, 0xF0, 0x8F, 0x80, 0x80, 0x22],
        [0x22, 0xE0, 0x9F, 0x80, 0x22],
    ]

    @Test(arguments: accepted) func accepts(_ text: String) throws {
        // A number too large for a double is good grammar; reading it as one is not.
        _ = try read(Value.self, text)
        // The same as a field nobody reads, between fields, on the fast path.
        let inside = "{\"a\":1,\"x\":\(text),\"probe\":2}"
        #expect(try read(record: Probe.self, inside).found)
    }

    @Test(arguments: rejected.indices) func rejects(_ index: Int) throws {
        let (text, reason) = Self.rejected[index]
        do {
            let value = try read(Value.self, text)
            Issue.record("\(text) was read as \(value)")
        } catch {
            #expect(error.reason == reason, "\(text)")
            #expect(error.position <= text.utf8.count)
        }
        // Inside an object that goes on, the damage may be noticed as something else, but it must be noticed. Some of
        // the list is good grammar there.
        guard reason != .trailingBytes || !text.hasSuffix(",") else { return }
        let inside = "{\"probe\":2,\"x\":\(text)}"
        #expect(throws: RecordFault.self, "\(inside)") { _ = try read(record: Probe.self, inside) }
        #expect(throws: RecordFault.self) { _ = try read(Value.self, inside) }
    }

    @Test(arguments: damaged) func refusesDamagedText(_ bytes: [UInt8]) throws {
        for document in [bytes, Array("{\"probe\":1,\"x\":".utf8) + bytes + Array("}".utf8)] {
            do {
                _ = try read(record: Probe.self, document)
                Issue.record("damaged text was read")
            } catch {
                #expect(error.reason == .invalidUTF8)
                #expect(document[error.position] >= 0x80)
            }
        }
    }

    @Test func depthEndsAtItsLimit() throws {
        let limit = Limits.jsonDepth
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try read(Value.self, nested(limit))
        let deep = nested(limit + 1)
        #expect(throws: RecordFault(.tooDeep, at: limit)) { try read(Value.self, deep) }
        _ = try read(record: Probe.self, "{\"x\":\(nested(limit - 1))}")
        let deepField = "{\"x\":\(nested(limit))}"
        #expect(throws: RecordFault.self) { try read(record: Probe.self, deepField) }
        // A hundred thousand levels are refused just as fast.
        let bottomless = String(repeating: "[", count: 100_000)
        #expect(throws: RecordFault(.tooDeep, at: limit)) { try read(Value.self, bottomless) }
    }

    @Test func sizeEndsAtItsLimit() throws {
        let fits = "\"" + String(repeating: "a", count: Limits.jsonBytes - 2) + "\""
        #expect(try read(String.self, fits).utf8.count == Limits.jsonBytes - 2)
        let over = fits + " "
        #expect(throws: RecordFault(.tooLarge, at: Limits.jsonBytes)) { try read(String.self, over) }
    }

    @Test func positionsPointAtTheFault() throws {
        let cases: [(String, Int)] = [("[1,x]", 3), ("{\"a\":01}", 6), ("[1] 2", 4), ("[\"ab\\q\"]", 4), ("[1", 2)]
        for (text, position) in cases {
            do {
                _ = try read(Value.self, text)
                Issue.record("\(text) was read")
            } catch {
                #expect(error.position == position, "\(text)")
            }
        }
    }
}
