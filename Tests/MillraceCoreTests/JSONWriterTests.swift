import Foundation
import MillraceCore
import Testing

@Suite struct JSONWriterTests {
    @Test func putsCommasByItself() {
        var json = JSONWriter()
        json.object { json in
            json.member("a", 1)
            json.key("b")
            json.array { json in
                json.null()
                json.bool(true)
                json.object { _ in }
                json.array { _ in }
                json.string("x")
            }
            json.member("c", 1.5)
            json.member("d", "")
            json.member("e", EventTime.seconds(1))
        }
        #expect(json.text == "{\"a\":1,\"b\":[null,true,{},[],\"x\"],\"c\":1.5,\"d\":\"\",\"e\":1000000}")
        json.endLine()
        json.integer(7)
        #expect(json.text.hasSuffix("}\n7"))
    }

    @Test func escapesWhatJSONDemands() throws {
        let text = String(decoding: (0..<128).map { UInt8($0) }, as: UTF8.self) + "é\u{2028}😀\u{7f}"
        var json = JSONWriter()
        json.string(text)
        #expect(try JSONDecoder().decode(String.self, from: Data(json.bytes)) == text)
        #expect(json.text.hasPrefix("\"\\u0000\\u0001"))
        #expect(json.text.contains("\\u001f"))
        var bytes = JSONWriter()
        Array(text.utf8).withUnsafeBytes { bytes.string(utf8: $0) }
        #expect(bytes.bytes == json.bytes)
        var lenient = JSONWriter()
        ([0x61, 0xFF, 0x62] as [UInt8]).withUnsafeBytes { lenient.string(utf8: $0) }
        #expect(lenient.text == "\"a\u{FFFD}b\"")
    }

    @Test func numbersComeBack() throws {
        func written(_ body: (inout JSONWriter) -> Void) -> String {
            var json = JSONWriter()
            body(&json)
            return json.text
        }
        #expect(written { $0.integer(Int64.min) } == "-9223372036854775808")
        #expect(written { $0.integer(UInt64.max) } == "18446744073709551615")
        #expect(written { $0.integer(Int128.min) } == "\(Int128.min)")
        #expect(written { $0.integer(Int8.min) } == "-128")
        #expect(written { $0.integer(0) } == "0")
        #expect(written { $0.double(1) } == "1")
        #expect(written { $0.double(-0.0) } == "-0")
        #expect(written { $0.double(0.1) } == "0.1")
        #expect(written { $0.double(1e300) } == "1e+300")
        #expect(written { $0.double(.infinity) } == "null")
        #expect(written { $0.double(.nan) } == "null")
        #expect(written { $0.float(0.1) } == "0.1")
        var random = SeededRandom(seed: 1)
        for _ in 0..<2_000 {
            let value = Double(bitPattern: random.next())
            guard value.isFinite else { continue }
            #expect(Double(written { $0.double(value) }) == value)
        }
    }

    @Test func readsRFC3339() {
        func read(_ text: String) -> EventTime? { Array(text.utf8).withUnsafeBytes { EventTime(rfc3339: $0) } }
        #expect(read("1970-01-01T00:00:00Z") == .seconds(0))
        #expect(read("2026-11-21T05:00:00.25+01:30") == read("2026-11-21T03:30:00.250000Z"))
        #expect(read("1969-12-31 23:59:59.999999z") == .microseconds(-1))
        #expect(read("2026-11-21T05:00:00.1234567Z") == read("2026-11-21T05:00:00.123456Z"))
        #expect(read("2016-12-31T23:59:60Z") == read("2017-01-01T00:00:00Z"))
        #expect(read("2024-02-29T00:00:00Z") != nil)
        for bad in [
            "", "2026-11-21", "2026-11-21T05:00:00", "2026-13-21T05:00:00Z", "2026-02-29T05:00:00Z",
            "2026-11-21T24:00:00Z", "2026-11-21T05:60:00Z", "2026-11-21T05:00:61Z", "2026-11-21T05:00:00.Z",
            "2026-11-21T05:00:00+1:00", "2026-11-21T05:00:00+24:00", "2026-11-21T05:00:00Zx", "2026-11-2105:00:00ZZ",
            "+026-11-21T05:00:00Z", "2026-11-21T05:00:00",
        ] { #expect(read(bad) == nil, "\(bad)") }
        // What we print we read, at any time of four-digit years.
        var random = SeededRandom(seed: 2)
        for _ in 0..<2_000 {
            let time = EventTime.microseconds(Int64(random.next(upperBound: 250_000_000_000_000_000 as UInt64)))
            #expect(read("\(time)") == time)
        }
    }
}
