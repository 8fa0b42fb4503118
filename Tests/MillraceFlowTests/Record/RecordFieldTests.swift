import MillraceCore
import MillraceFlow
import Testing

struct AdEvent: FieldRecord, Codable, Equatable {
    var user: ID128, page: ID128, ad: ID128
    var adType: String
    var event: String
    var at: Int64
    var ip: String

    enum CodingKeys: String, CodingKey {
        case user = "user_id"
        case page = "page_id"
        case ad = "ad_id"
        case adType = "ad_type"
        case event = "event_type"
        case at = "event_time"
        case ip = "ip_address"
    }
    static let fields: JSONFields = [
        "user_id", "page_id", "ad_id", "ad_type", "event_type", "event_time", "ip_address",
    ]
    init(_ row: borrowing JSONRow) throws(RecordFault) {
        user = try row.id(0)
        page = try row.id(1)
        ad = try row.id(2)
        adType = try row.string(3)
        event = try row.string(4)
        at = try row.integer(5)
        ip = try row.string(6)
    }
}

private struct Mixed: FieldRecord, Codable, Equatable {
    var i: Int8?
    var d: Double?
    var b: Bool?
    var s: String?
    var t: EventTime?
    var id: ID128?
    var w: Int?
    var q: Int64?
    var nested: [String: [Int]]?

    static let fields: JSONFields = ["i", "d", "b", "s", "t", "id", "w", "q", "nested", "a name longer than eight"]
    static let words: JSONWords = ["view", "purchase", "purchasf", "a longer word", ""]
    init(_ row: borrowing JSONRow) throws(RecordFault) {
        i = try row.integerIfPresent(0)
        d = try row.doubleIfPresent(1)
        b = try row.boolIfPresent(2)
        s = try row.stringIfPresent(3)
        t = try row.timeIfPresent(4)
        id = try row.idIfPresent(5)
        w = row.isPresent(6) ? try row.word(6, of: Self.words) : nil
        q = row.isPresent(7) ? try row.integerInText(7) : nil
        nested = try row.decodeIfPresent(8)
    }
}

@Suite struct RecordFieldTests {
    static let event = """
        {"user_id": "123e4567-e89b-12d3-a456-426614174000", "page_id": "00000000-0000-0000-0000-000000000001", \
        "ad_id": "ffffffff-ffff-ffff-ffff-ffffffffffff", "ad_type": "banner", "event_type": "view", \
        "event_time": 1700000000000, "ip_address": "1.2.3.4"}
        """

    @Test func readsTheEventByBothWays() throws {
        let fast = try read(record: AdEvent.self, Self.event)
        #expect(fast == (try read(AdEvent.self, Self.event)))
        #expect(fast.ad == ID128(high: .max, low: .max))
        #expect(fast.at == 1_700_000_000_000)
        var writer = ByteWriter()
        fast.encode(into: &writer)
        #expect(try read(record: AdEvent.self, writer.bytes) == fast)
    }

    @Test func everyTypeHasItsWay() throws {
        let text = """
            {"nested":{"a":[1,2]},"q":"-12","w":"purchase","id":"123e4567-e89b-12d3-a456-426614174000","extra":[{}],
            "t":"1970-01-01T00:00:01+00:00","s":"a\\u00e9","b":true,"d":-1.5e3,"\\u0069":-128}
            """
        let mixed = try read(record: Mixed.self, text)
        #expect(mixed.i == -128)
        #expect(mixed.d == -1500)
        #expect(mixed.b == true)
        #expect(mixed.s == "aé")
        #expect(mixed.t == .seconds(1))
        #expect(mixed.id == RecordCodableTests.id)
        #expect(mixed.w == 1)
        #expect(mixed.q == -12)
        #expect(mixed.nested == ["a": [1, 2]])
        let nothing = try read(record: Mixed.self, "{\"i\":null}")
        #expect(nothing.i == nil)
        #expect(nothing.s == nil)
    }

    @Test func wordsAreTakenWhole() throws {
        for (index, word) in Mixed.words.words.enumerated() {
            #expect(try read(record: Mixed.self, "{\"w\":\"\(word)\"}").w == index)
        }
        #expect(try read(record: Mixed.self, "{\"w\":\"v\\u0069ew\"}").w == 0)
        for other in ["vie", "views", "purchas", "a longer wort", "View"] {
            #expect(throws: RecordFault.self) { try read(record: Mixed.self, "{\"w\":\"\(other)\"}") }
        }
    }

    /// Long ones are read by words that hold also what stands in front of them.
    @Test func integersOfEveryLength() throws {
        let seed = testSeeds(1)[0]
        var random = SeededRandom(seed: seed)
        for length in 1...20 {
            for round in 0..<50 {
                var digits = (0..<length).map { _ in "\(random.next(upperBound: 10 as UInt64))" }.joined()
                if length > 1, digits.hasPrefix("0") { digits = "1" + digits.dropFirst() }
                if round == 0 { digits = String(repeating: "9", count: length) }
                for sign in ["", "-"] {
                    let number = sign + digits
                    for front in ["", "\"d\":0,\"x\":[],", "\"x\":\"0123456789abcdef\",\t"] {
                        let list = "[0,123456789012345," + number + "," + number + "]"
                        let row = try? read(record: Mixed.self, "{" + front + "\"q\":\"\(number)\"}")
                        #expect(row?.q == Int64(number), "seed \(seed): \(number)")
                        let small = try? read(record: Mixed.self, "{" + front + "\"i\":\(number)}")
                        #expect(small?.i == Int8(number), "seed \(seed): \(number)")
                        let last = try? read([Int64].self, list).last
                        #expect(last == Int64(number), "seed \(seed): \(number)")
                        let unsigned = try? read([UInt64].self, list).last
                        #expect(unsigned == UInt64(number) ?? (number == "-0" ? 0 : nil), "seed \(seed): \(number)")
                    }
                }
            }
        }
    }

    @Test func faultsNameTheField() throws {
        let cases: [(String, RecordFault.Reason, String, Int)] = [
            ("{\"i\":128}", .outOfRange, "i", 5), ("{\"i\":1.0}", .wrongType, "i", 5),
            ("{\"i\":\"1\"}", .wrongType, "i", 5),
            ("{\"d\":1e999}", .outOfRange, "d", 5), ("{\"d\":true}", .wrongType, "d", 5),
            ("{\"b\":0}", .wrongType, "b", 5),
            ("{\"s\":[]}", .wrongType, "s", 5), ("{\"t\":\"yesterday\"}", .invalidText, "t", 5),
            ("{\"id\":\"123e4567-e89b-12d3-a456-42661417400g\"}", .invalidText, "id", 6),
            ("{\"q\":\"1x\"}", .invalidText, "q", 5), ("{\"q\":\"\"}", .invalidText, "q", 5),
            ("{\"q\":\"-\"}", .invalidText, "q", 5),
            ("{\"q\":\"99999999999999999999\"}", .outOfRange, "q", 5),
            ("{\"i\":1,\"d\":2,\"i\":3}", .duplicateField, "i", 13),
            ("{\"i\":1,\"\\u0069\":3}", .duplicateField, "i", 7),
            ("{\"nested\":{\"a\":[1,\"x\"]}}", .wrongType, "nested.a[1]", 18), ("[]", .wrongType, "", 0),
            ("3", .wrongType, "", 0), ("{\"i\":1}x", .trailingBytes, "", 7),
        ]
        for (text, reason, field, position) in cases {
            do {
                _ = try read(record: Mixed.self, text)
                Issue.record("\(text) was read")
            } catch {
                #expect(error.reason == reason, "\(text): \(error)")
                #expect(error.field == field, "\(text): \(error)")
                #expect(error.position == position, "\(text): \(error)")
            }
        }
        do {
            _ = try read(record: AdEvent.self, "{\"user_id\":null}")
            Issue.record("a missing field was read")
        } catch {
            #expect(error.reason == .missingField)
            #expect(error.field == "user_id")
        }
    }

    /// Nothing is read behind the end: the document ends where its page does, and the next page cannot be touched.
    @Test func readsNothingBehindTheEnd() throws {
        let page = 4096
        let bytes = Array(Self.event.utf8)
        try withGuardedPage(page) { memory in
            for shift in 0..<70 {
                let document = bytes.dropFirst(0) + [UInt8](repeating: 0x20, count: shift)
                let start = page - document.count
                memory.baseAddress!.advanced(by: start).copyMemory(from: Array(document), byteCount: document.count)
                let slice = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[start..<page])
                _ = try AdEvent.decode(key: nil, value: slice)
                _ = try JSON.decode(AdEvent.self, from: slice)
                // And every way of being cut off.
                let cut = UnsafeRawBufferPointer(rebasing: slice[..<(slice.count - shift - 1)])
                #expect(throws: RecordFault.self) { try AdEvent.decode(key: nil, value: cut) }
                memory.baseAddress!.copyMemory(from: Array(bytes), byteCount: bytes.count)
            }
            // Cut at every byte, each time against the guard.
            for count in 0..<bytes.count {
                let start = page - count
                memory.baseAddress!.advanced(by: start).copyMemory(from: bytes, byteCount: count)
                let slice = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[start..<page])
                #expect(throws: RecordFault.self) { try AdEvent.decode(key: nil, value: slice) }
                #expect(throws: RecordFault.self) { try JSON.decode(Value.self, from: slice) }
            }
        }
    }
}
