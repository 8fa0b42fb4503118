import MillraceCore
import MillraceFlow
import Testing

private struct Item: Codable, Equatable { var price: Double, tags: [String] }
private struct Order: Record, Codable, Equatable {
    var id: ID128
    var count: Int16
    var note: String?
    var items: [Item]
    var at: EventTime
    var byName: [String: Int]
    var isPaid: Bool
}

@Suite struct RecordCodableTests {
    static let id = ID128(high: 0x123e_4567_e89b_12d3, low: 0xa456_4266_1417_4000)
    private static let order = Order(
        id: id, count: -7, note: "a\"\\\n\u{1}é😀",
        items: [Item(price: 0.1, tags: ["x", ""]), Item(price: 1e300, tags: [])],
        at: .microseconds(1_700_000_000_000_001), byName: ["b": 2, "a": 1], isPaid: true)

    @Test func comesBackAsItWent() throws {
        var writer = ByteWriter()
        Self.order.encode(into: &writer)
        #expect(try read(record: Order.self, writer.bytes) == Self.order)
        var stored = ByteWriter()
        Self.order.store(into: &stored)
        stored.byte(9)
        try stored.bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            let loaded = try Order.load(from: &reader)
            #expect(loaded == Self.order)
            #expect(reader.remaining == 1)
        }
    }

    @Test func fieldsMayComeInAnyOrder() throws {
        let text = """
            {"isPaid":false,"extra":{"a":[1,2,{"items":3}]},"byName":{},"at":"2023-11-14T22:13:20.000001Z","items":[],
            "count":0,"id":"123E4567-E89B-12D3-A456-426614174000","note":null,"\\u0065scaped":1}
            """
        let order = try read(record: Order.self, text)
        #expect(order.at == .microseconds(1_700_000_000_000_001))
        #expect(order.id == Self.id)
        #expect(order.note == nil)
    }

    @Test func keysWithEscapesAreTheSameKeys() throws {
        struct One: Codable { var name: Int }
        #expect(try read(One.self, "{\"n\\u0061me\":3}").name == 3)
        #expect(throws: RecordFault.self) { try read(One.self, "{\"name\":1,\"n\\u0061me\":3}") }
    }

    @Test func faultsSayWhichFieldAndWhere() throws {
        struct Inner: Codable { var price: Double }
        struct Outer: Codable {
            var items: [Inner]
            var n: Int8?
        }
        let cases: [(String, RecordFault.Reason, String, Int)] = [
            ("{}", .missingField, "items", 0),
            ("{\"items\":[{\"price\":1},{}]}", .missingField, "items[1].price", 22),
            ("{\"items\":[{\"price\":\"1\"}]}", .wrongType, "items[0].price", 19),
            ("{\"items\":[{\"price\":null}]}", .wrongType, "items[0].price", 19),
            ("{\"items\":[{\"price\":1e999}]}", .outOfRange, "items[0].price", 19),
            ("{\"items\":3}", .wrongType, "items", 9),
            ("{\"items\":[],\"n\":128}", .outOfRange, "n", 16),
            ("{\"items\":[],\"n\":1.0}", .wrongType, "n", 16),
            ("{\"items\":[],\"items\":[]}", .duplicateField, "items", 12),
            ("{\"items\":[{\"price\":1,\"price\":1}]}", .duplicateField, "items[0].price", 21),
        ]
        for (text, reason, field, position) in cases {
            do {
                _ = try read(Outer.self, text)
                Issue.record("\(text) was read")
            } catch {
                #expect(error.reason == reason, "\(text)")
                #expect(error.field == field, "\(text)")
                #expect(error.position == position, "\(text)")
            }
        }
        // What nobody reads may be there twice.
        _ = try read(Outer.self, "{\"items\":[],\"x\":1,\"x\":2}")
    }

    @Test func integersKeepToTheirWidth() throws {
        func check<T: FixedWidthInteger & Codable>(_: T.Type) throws {
            for value in [T.min, T.max, 0, 1] { #expect(try read([T].self, "[\(value)]") == [value]) }
            let above = Int128(clamping: T.max) + 1
            let below = Int128(clamping: T.min) - 1
            for outside in ["\(above)", "\(below)", "1" + String(repeating: "0", count: 60)] {
                do {
                    _ = try read([T].self, "[\(outside)]")
                    Issue.record("\(outside) was read as \(T.self)")
                } catch {
                    #expect(error.reason == .outOfRange)
                    #expect(error.field == "[0]")
                }
            }
        }
        try check(Int8.self)
        try check(Int16.self)
        try check(Int32.self)
        try check(Int64.self)
        try check(Int.self)
        try check(UInt8.self)
        try check(UInt16.self)
        try check(UInt32.self)
        try check(UInt64.self)
        try check(UInt.self)
        #expect(try read(Int128.self, "\(Int128.min)") == .min)
        #expect(try read(UInt128.self, "\(UInt128.max)") == .max)
    }

    @Test func manyKeysStayLinearAndUnique() throws {
        let members = (0..<20_000).map { "\"k\($0)\":\($0)" }
        let clock = ContinuousClock()
        let text = "{" + members.joined(separator: ",") + "}"
        var count = 0
        let took = try clock.measure { count = try read([String: Int].self, text).count }
        #expect(count == 20_000)
        // Quadratic work would be 4 · 10^8 comparisons in debug mode: minutes.
        #expect(took < .seconds(20))
        let twice = "{" + members.joined(separator: ",") + ",\"k7\":1}"
        #expect(throws: RecordFault.self) { try read([String: Int].self, twice) }
    }

    @Test func aDecoderInsideADecoder() throws {
        // Text inside a field that is a document itself: each level has its own parser.
        struct Inner: Codable, Equatable { var a: Int }
        struct Outer: Codable {
            var inner: Inner
            var after: Int
            enum CodingKeys: CodingKey { case inner, after }
            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: CodingKeys.self)
                inner = try read(Inner.self, try container.decode(String.self, forKey: .inner))
                after = try container.decode(Int.self, forKey: .after)
            }
        }
        let outer = try read(Outer.self, "{\"inner\":\"{\\\"a\\\":5}\",\"after\":6}")
        #expect(outer.inner == Inner(a: 5))
        #expect(outer.after == 6)
    }

    @Test func inheritanceAndNestedContainers() throws {
        class Base: Codable { var a = 1 }
        struct Flat: Codable, Equatable {
            var x: Int, y: [Int]
            enum Key: String, CodingKey { case outer, x, y }
            init(x: Int, y: [Int]) { (self.x, self.y) = (x, y) }
            init(from decoder: any Decoder) throws {
                let outer = try decoder.container(keyedBy: Key.self).nestedContainer(keyedBy: Key.self, forKey: .outer)
                x = try outer.decode(Int.self, forKey: .x)
                var list = try outer.nestedUnkeyedContainer(forKey: .y)
                y = []
                while !list.isAtEnd { y.append(try list.decode(Int.self)) }
            }
            func encode(to encoder: any Encoder) throws {
                var top = encoder.container(keyedBy: Key.self)
                var outer = top.nestedContainer(keyedBy: Key.self, forKey: .outer)
                try outer.encode(x, forKey: .x)
                var list = outer.nestedUnkeyedContainer(forKey: .y)
                for n in y { try list.encode(n) }
            }
        }
        var writer = ByteWriter()
        try JSON.encode(Flat(x: 1, y: [2, 3]), into: &writer)
        #expect(String(decoding: writer.bytes, as: UTF8.self) == "{\"outer\":{\"x\":1,\"y\":[2,3]}}")
        #expect(try read(Flat.self, writer.bytes) == Flat(x: 1, y: [2, 3]))
    }

    @Test func aTombstoneIsNoCodableRecord() {
        #expect(throws: RecordFault.self) { try Order.decode(key: nil, value: nil) }
    }
}
