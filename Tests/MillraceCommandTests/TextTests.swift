import Foundation
import MillraceCore
import Testing

@testable import MillraceCommand

@Suite struct TextTests {
    @Test func sizesCountsAndSpansReadWell() {
        #expect(Human.text(bytes: 0) == "0 B")
        #expect(Human.text(bytes: 1_023) == "1023 B")
        #expect(Human.text(bytes: 1_536) == "1.5 KiB")
        #expect(Human.text(bytes: 64 << 20) == "64.0 MiB")
        #expect(Human.text(bytes: 500 << 30) == "500 GiB")
        #expect(Human.text(count: 0) == "0")
        #expect(Human.text(count: -1_234_567) == "-1,234,567")
        #expect(Human.text(count: .min) == "-9,223,372,036,854,775,808")
        #expect(Human.text(span: .microseconds(12)) == "12µs")
        #expect(Human.text(span: .milliseconds(830)) == "830ms")
        #expect(Human.text(span: .milliseconds(1_250)) == "1.25s")
        #expect(Human.text(span: .seconds(125)) == "2m 5s")
        #expect(Human.text(span: .days(7)) == "7d")
        #expect(Human.text(span: TimeSpan(microseconds: .min)).hasPrefix("-"))
    }

    @Test func sizesAndSpansAreReadBack() {
        #expect(Human.bytes(from: "64MiB") == 64 << 20)
        #expect(Human.bytes(from: "1.5 GiB") == 3 << 29)
        #expect(Human.bytes(from: "4096") == 4_096)
        #expect(Human.bytes(from: "9223372036854775807KiB") == nil)
        #expect(Human.bytes(from: "12 parsecs") == nil)
        #expect(Human.bytes(from: "-1") == nil)
        #expect(Human.span(from: "7d") == .days(7))
        #expect(Human.span(from: "90") == nil)
    }

    /// Foundation's calendar is the oracle.
    @Test func timesMatchFoundation() throws {
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withInternetDateTime]
        var random = SeededRandom(seed: 7)
        for _ in 0..<2_000 {
            let seconds = Int64.random(in: -12_000_000_000...200_000_000_000, using: &random)
            let expected = formatter.string(from: Foundation.Date(timeIntervalSince1970: TimeInterval(seconds)))

            let text = CivilTime.text(.seconds(seconds))
            #expect(text == String(expected.dropLast()) + ".000Z")
            #expect(CivilTime.parse(text) == .seconds(seconds))
        }
        #expect(CivilTime.text(EventTime(microseconds: -1)) == "1969-12-31T23:59:59.999999Z")
        #expect(CivilTime.parse("2026-03-01T12:00:00.25Z") == CivilTime.parse("2026-03-01 12:00:00.250"))
        #expect(CivilTime.parse("2026-02-30") == nil)
        #expect(CivilTime.parse("1700000000000") == .milliseconds(1_700_000_000_000))
    }

    @Test func base64AndJSONMatchFoundation() throws {
        var random = SeededRandom(seed: 11)
        for length in 0..<200 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            let text = bytes.withUnsafeBytes(Base64.text)
            #expect(text == Data(bytes).base64EncodedString())
            #expect(Base64.bytes(text) == bytes)
        }
        #expect(Base64.bytes("a") == nil)
        let odd = "a\"b\\c\n\r\t\u{01}\u{1F}é🙂/"
        let read = try JSONSerialization.jsonObject(
            with: Data(JSONText.quoted(odd).utf8), options: .fragmentsAllowed)
        #expect(read as? String == odd)
    }

    @Test func terminalsCannotBeHijacked() {
        #expect(Cell.printable(Array("ok é".utf8)) == "ok é")
        #expect(Cell.printable(Array("a\u{1B}[2Jb\n\u{202E}".utf8)) == "a\\u{1b}[2Jb\\n\\u{202e}")
        #expect(Cell.printable([0xFF, 0x00]) == "base64:/wA=")
    }

    @Test func nearWordsAreFound() {
        #expect(Spelling.nearest(to: "raed", in: ["read", "append"]) == "read")
        #expect(Spelling.nearest(to: "xyz", in: ["read", "append"]) == nil)
        #expect(Spelling.nearest(to: "", in: ["read"]) == nil)
        #expect(Spelling.nearest(to: "x", in: []) == nil)
        #expect(Spelling.nearest(to: "data-directory", in: ["data", "da", "json"]) == "data")
        #expect(Spelling.nearest(to: "append-all", in: ["read", "append"]) == "append")
        #expect(Spelling.nearest(to: "re", in: ["read-all"]) == nil)
    }
}
