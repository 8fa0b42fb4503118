import Foundation
import MillraceCore
import MillraceFlow
import Testing

/// A document that is checked against the one before it gives what it gives alone: the same verdict, the same values,
/// the same fault at the same byte.
@Suite struct RecordLayoutTests {
    /// A document without its values.
    indirect enum Shape {
        case text, bare
        case list([Shape], spaces: [String])
        case object([(key: String, value: Shape)], spaces: [String])
    }

    struct Generator {
        var random: SeededRandom
        mutating func pick(_ n: Int) -> Int { Int(random.next(upperBound: UInt64(n))) }
        mutating func spaces(_ n: Int) -> [String] {
            let isTight = pick(3) > 0
            return (0..<n).map { _ in isTight ? "" : ["", "", " ", "\n", "\t \r\n", "  "][pick(6)] }
        }
        mutating func key(_ number: Int) -> String {
            switch pick(12) {
            case 0: "k\\u0065y\(number)"
            case 1: "schlüssel\(number)"
            case 2: String(repeating: "long", count: pick(20)) + "\(number)"
            default: ["a", "b", "an id", "time", "kind", "nested"][pick(6)] + (pick(4) == 0 ? "" : "\(number)")
            }
        }
        mutating func shape(_ depth: Int) -> Shape {
            switch depth > 3 ? pick(4) : pick(8) + (depth == 0 ? 4 : 0) {
            case 0, 1: return .text
            case 2, 3: return .bare
            case 4, 5:
                let count = pick(5)
                return .list((0..<count).map { _ in shape(depth + 1) }, spaces: spaces(2 * count + 2))
            default:
                let count = pick(9)
                return .object((0..<count).map { (key($0), shape(depth + 1)) }, spaces: spaces(4 * count + 2))
            }
        }
        mutating func text() -> String {
            let length = [0, 1, 4, 9, 15, 30, 31, 32, 33, 36, 63, 64, 65, 100][pick(14)]
            var text = String((0..<length).map { _ in Character(UnicodeScalar(UInt8(0x23 + pick(0x38)))) })
            if pick(25) == 0 {
                let at = text.index(text.startIndex, offsetBy: length == 0 ? 0 : pick(length))
                text.insert(contentsOf: ["\\n", "\\u00e9", "é", "😀", "\\x", "\u{1}", "\\", "\""][pick(8)], at: at)
            }
            return "\"" + text + "\""
        }
        mutating func bare() -> String {
            let digits = (0..<pick(22)).map { _ in "\(pick(10))" }.joined()
            switch pick(20) {
            case 0: return "true"
            case 1: return "false"
            case 2: return "null"
            case 3: return "-\(1 + pick(9))" + digits
            case 4: return "\(pick(10)).\(pick(10))" + digits
            case 5: return "\(pick(10))e\(pick(30))"
            case 6: return "-0.5E-\(pick(30))"
            case 7: return "0"
            case 8 where pick(4) == 0:
                return ["01", "-", "-01", "1.", ".5", "1e", "tru", "nul", "+1", "0x1", "1a", ""][pick(12)]
            default: return "\(1 + pick(9))" + digits
            }
        }
        mutating func render(_ shape: Shape) -> String {
            switch shape {
            case .text: return pick(40) == 0 ? bare() : text()
            case .bare: return pick(40) == 0 ? text() : bare()
            case .list(let elements, let spaces):
                var out = "[" + spaces[0]
                for (i, element) in elements.enumerated() {
                    out += (i > 0 ? "," : "") + spaces[2 * i + 1] + render(element) + spaces[2 * i + 2]
                }
                return out + "]"
            case .object(let members, let spaces):
                var out = "{" + spaces[0]
                for (i, member) in members.enumerated() {
                    out += (i > 0 ? "," : "") + spaces[4 * i + 1] + "\"" + member.key + "\"" + spaces[4 * i + 2] + ":"
                    out += spaces[4 * i + 3] + render(member.value) + spaces[4 * i + 4]
                }
                return out + "}"
            }
        }
        /// Changes, drops, doubles or cuts a few bytes.
        mutating func damage(_ bytes: [UInt8]) -> [UInt8] {
            var bytes = bytes
            for _ in 0...pick(2) where !bytes.isEmpty {
                let at = pick(bytes.count)
                switch pick(6) {
                case 0: bytes.remove(at: at)
                case 1: bytes.insert(bytes[pick(bytes.count)], at: at)
                case 2: bytes[at] = UInt8(pick(256))
                case 3: bytes.removeLast(bytes.count - at)
                case 4: bytes += Array(" }".utf8.prefix(pick(3)))
                default: bytes[at] = Array("{}[],:\"\\-+.eE0123456789tfnu \u{1}\u{0}".utf8)[pick(30)]
                }
            }
            return bytes
        }
    }

    /// What a row tells of some fields, asked in every way.
    struct Probe: FieldRecord, Equatable {
        var seen: [String] = []
        static let fields: JSONFields = ["a", "b", "an id", "time1", "kind2", "nested3", "a0", "key0", "schlüssel1"]
        static let words: JSONWords = ["true", "", "0"]
        init(_ row: borrowing JSONRow) throws(RecordFault) {
            for i in 0..<Self.fields.names.count {
                var ways: [String] = [row.isPresent(i) ? "there" : "not there"]
                func note<T>(_ read: () throws(RecordFault) -> T) {
                    do throws(RecordFault) { ways.append("\(try read())") } catch { ways.append("\(error)") }
                }
                note { () throws(RecordFault) in try row.integer(i, as: Int64.self) }
                note { () throws(RecordFault) in try row.integerInText(i, as: UInt32.self) }
                note { () throws(RecordFault) in try row.double(i) }
                note { () throws(RecordFault) in try row.bool(i) }
                note { () throws(RecordFault) in try row.string(i) }
                note { () throws(RecordFault) in try row.id(i) }
                note { () throws(RecordFault) in try row.time(i) }
                note { () throws(RecordFault) in try row.word(i, of: Self.words) }
                note { () throws(RecordFault) in
                    // Written again, because the order of a dictionary is by chance.
                    var json = ByteWriter()
                    try JSON.encode(try row.decode(i, as: Value.self), into: &json)
                    return String(decoding: json.bytes, as: UTF8.self)
                }
                seen.append(ways.joined(separator: " | "))
            }
        }
        func encode(into writer: inout ByteWriter) {}
        func store(into writer: inout ByteWriter) {}
        static func load(from reader: inout ByteReader) throws -> Probe { throw RecordFault(.custom, at: 0) }
    }

    enum Outcome<T: Equatable>: Equatable {
        case read(T)
        case refused(RecordFault)
        init(_ read: () throws(RecordFault) -> T) {
            do throws(RecordFault) { self = .read(try read()) } catch { self = .refused(error) }
        }
    }

    @Test func givesWhatTheFullWayGives() throws {
        let seed = testSeeds(1)[0]
        let rounds = ProcessInfo.processInfo.environment["MILLRACE_SEEDS"].flatMap { Int($0) } ?? 2_000
        var generator = Generator(random: SeededRandom(seed: seed))
        var (asExpected, refused, differs) = (0, 0, 0)
        let page = 16_384
        try withGuardedPage(page) { memory in
            for round in 0..<rounds {
                let shape = generator.shape(0)
                let first = Array(generator.render(shape).utf8)
                var second = Array(generator.render(shape).utf8)
                if round % 3 == 0 { second = generator.damage(second) }
                guard first.count < page, second.count < page else { continue }
                // The document ends where its page does, and the next page cannot be touched.
                let place = UnsafeMutableRawBufferPointer(rebasing: memory[(page - second.count)...])
                place.copyBytes(from: second)
                let lent = UnsafeRawBufferPointer(place)
                let shown =
                    "seed \(seed) round \(round)\n\(String(decoding: first, as: UTF8.self))\n"
                    + String(decoding: second, as: UTF8.self)

                JSONLayouts.forget()
                let fields = Outcome { () throws(RecordFault) in try Probe.decode(key: nil, value: lent) }
                JSONLayouts.forget()
                let whole = Outcome { () throws(RecordFault) in try JSON.decode(Value.self, from: lent) }
                JSONLayouts.forget()
                _ = try? read(record: Probe.self, first)
                _ = try? read(Value.self, first)
                let before = JSONLayouts.documentsAsExpected
                let fieldsAgain = Outcome { () throws(RecordFault) in try Probe.decode(key: nil, value: lent) }
                let wholeAgain = Outcome { () throws(RecordFault) in try JSON.decode(Value.self, from: lent) }
                #expect(fieldsAgain == fields, "\(shown)")
                #expect(wholeAgain == whole, "\(shown)")
                if JSONLayouts.documentsAsExpected > before { asExpected += 1 } else { differs += 1 }
                if case .refused = whole { refused += 1 }
            }
        }
        #expect(asExpected > rounds / 4)
        #expect(differs > rounds / 10)
        #expect(refused > rounds / 10)
    }

    /// What the quick way is for: records of one kind, one after the other, also when there are several kinds.
    @Test func documentsOfOneKindAreAsExpected() throws {
        struct Point: Codable, Equatable {
            var x: Int, y: Double, name: String?, tags: [String], isSet: Bool?
        }
        JSONLayouts.forget()
        let before = JSONLayouts.documentsAsExpected
        for i in 0..<100 {
            let name = i % 5 == 0 ? nil : String(repeating: "n", count: i)
            let text = """
                {"x":\(i * i * i),"y":\(i % 2 == 0 ? "\(i)" : "-\(i).25"),"name":\(name.map { "\"\($0)\"" } ?? "null"),\
                "tags":["\(i)","b"],"isSet":\(["true", "false", "null"][i % 3])}
                """
            let expected = Point(
                x: i * i * i, y: i % 2 == 0 ? Double(i) : -Double(i) - 0.25, name: name,
                tags: ["\(i)", "b"], isSet: [true, false, nil][i % 3])
            #expect(try read(Point.self, text) == expected)
            let event = RecordFieldTests.event.replacingOccurrences(of: "1.2.3.4", with: "10.\(i).3.4")
            #expect(try read(record: AdEvent.self, event).ip == "10.\(i).3.4")
        }
        #expect(JSONLayouts.documentsAsExpected == before + 198)
    }

    /// Two keys may be the same only where nobody reads them, whatever is known of the document before.
    @Test func equalKeysAreNotForgotten() throws {
        struct One: Codable { var a: Int }
        for _ in 0..<20 {
            #expect(throws: RecordFault.self) { try read(One.self, "{\"a\":1,\"b\":2,\"a\":3}") }
            #expect(try read(One.self, "{\"b\":1,\"a\":2,\"b\":3}").a == 2)
        }
        for _ in 0..<20 { #expect(throws: RecordFault.self) { try read(One.self, "{\"a\":1,\"b\":2,\"a\":3}") } }
    }

    /// Documents that never look alike are not made much slower: most are not tried.
    @Test func aMissIsNotTriedAgainAndAgain() throws {
        struct Numbered: Codable { var n: Int }
        JSONLayouts.forget()
        let before = JSONLayouts.documentsAsExpected
        for i in 0..<2_000 { #expect(try read(Numbered.self, "{\"k\(i)\":0,\"n\":\(i)}").n == i) }
        #expect(JSONLayouts.documentsAsExpected == before)
        // And when they do look alike again, that is found out.
        for i in 0..<200 { #expect(try read(Numbered.self, "{\"k\":0,\"n\":\(i)}").n == i) }
        #expect(JSONLayouts.documentsAsExpected > before + 100)
    }

    /// A document too large to be learned is read as ever.
    @Test func largeDocumentsAreRead() throws {
        for count in [126, 127, 128, 129, 600] {
            for round in 0..<5 {
                let numbers = Array(round..<count + round)
                #expect(try read([Int].self, "[" + numbers.map(String.init).joined(separator: ",") + "]") == numbers)
                let long = String(repeating: "k", count: count * 20)
                #expect(try read([String: Int].self, "{\"\(long)\":\(round)}") == [long: round])
            }
        }
    }
}
