import Foundation
import MillraceCore
import MillraceFlow
import Testing

/// Random documents and damaged ones, read by us and by Foundation.
@Suite struct RecordDifferentialTests {
    struct Generator {
        var random: SeededRandom
        mutating func pick(_ n: Int) -> Int { Int(random.next(upperBound: UInt64(n))) }
        mutating func space() -> String { ["", "", "", " ", "\n", "\t \r\n"][pick(6)] }
        mutating func string() -> String {
            var text = "\""
            for _ in 0..<pick(12) {
                switch pick(12) {
                case 0: text += ["\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t"][pick(8)]
                case 1:
                    // Any character but half of a pair.
                    let unit = pick(0xD7FF) + 1
                    let digits = String(unit, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                case 2: text += "\\ud83d\\ude0" + String(pick(10))
                case 3: text += ["é", "ß", "漢", "😀", "\u{7f}", "\u{2028}", "\u{fffd}"][pick(7)]
                default: text += String(UnicodeScalar(UInt8(0x61 + pick(26))))
                }
            }
            return text + "\""
        }
        mutating func number() -> String {
            var text = pick(3) == 0 ? "-" : ""
            text += pick(5) == 0 ? "0" : "\(1 + pick(9))" + (0..<pick(20)).map { _ in "\(pick(10))" }.joined()
            if pick(2) == 0 { text += "." + (0...pick(18)).map { _ in "\(pick(10))" }.joined() }
            if pick(3) == 0 { text += ["e", "E"][pick(2)] + ["", "+", "-"][pick(3)] + "\(pick(320))" }
            return text
        }
        mutating func value(_ depth: Int) -> String {
            let inner: String
            switch pick(depth > 4 ? 5 : 8) {
            case 0: inner = ["null", "true", "false"][pick(3)]
            case 1, 2: inner = number()
            case 3, 4: inner = string()
            case 5, 6: inner = "[" + (0..<pick(5)).map { _ in value(depth + 1) }.joined(separator: ",") + space() + "]"
            default:
                inner =
                    "{"
                    + (0..<pick(5)).map { _ in space() + string() + space() + ":" + value(depth + 1) }
                    .joined(separator: ",") + space() + "}"
            }
            return space() + inner + space()
        }
        /// Changes, drops or doubles a few bytes. No zero bytes: Foundation takes them for UTF-16.
        mutating func damage(_ bytes: [UInt8]) -> [UInt8] {
            var bytes = bytes
            for _ in 0...pick(2) where !bytes.isEmpty {
                let at = pick(bytes.count)
                switch pick(4) {
                case 0: bytes.remove(at: at)
                case 1: bytes.insert(bytes[pick(bytes.count)], at: at)
                case 2: bytes[at] = UInt8(1 + pick(255))
                default: bytes[at] = Array("{}[],:\"\\-+.eE0123456789tfnu \u{1}".utf8)[pick(29)]
                }
            }
            return bytes
        }
    }

    @Test func equalsFoundation() throws {
        let seed = testSeeds(1)[0]
        let rounds = ProcessInfo.processInfo.environment["MILLRACE_SEEDS"].flatMap { Int($0) } ?? 3_000
        var generator = Generator(random: SeededRandom(seed: seed))
        let foundation = JSONDecoder()
        var (accepted, rejected) = (0, 0)
        for round in 0..<rounds {
            var bytes = Array(generator.value(0).utf8)
            if round % 3 != 0 { bytes = generator.damage(bytes) }
            let theirs = Result { try foundation.decode(Value.self, from: Data(bytes)) }
            let shown = "seed \(seed) round \(round): \(String(decoding: bytes, as: UTF8.self))"
            do throws(RecordFault) {
                let ours = try read(Value.self, bytes)
                switch theirs {
                case .success(let value): #expect(ours == value, "\(shown)")
                case .failure(let error):
                    // Foundation refuses a number that is too small for a double; to us it is zero.
                    if shown.contains(#/[eE]-[0-9]{3}/#) { continue }
                    Issue.record("only we accept \(shown): \(error)")
                }
                accepted += 1
                // What we write both read, and it is the same.
                var writer = ByteWriter()
                try JSON.encode(ours, into: &writer)
                #expect(try read(Value.self, writer.bytes) == ours, "\(shown)")
                let back = writer.bytes
                if case .success(let value) = Result(catching: { try foundation.decode(Value.self, from: Data(back)) })
                {
                    #expect(value == ours, "\(shown)")
                } else {
                    Issue.record("Foundation refuses what we wrote for \(shown)")
                }
            } catch {
                #expect(error.position <= bytes.count, "\(shown)")
                rejected += 1
                // Foundation takes one of two equal keys.
                if error.reason == .duplicateField { continue }
                if case .success(let value) = theirs {
                    Issue.record("only Foundation accepts \(shown) as \(value): \(error)")
                }
            }
        }
        #expect(accepted > rounds / 3)
        #expect(rejected > rounds / 10)
    }

    /// Doubles to the last bit, also where the quick way ends.
    @Test func doublesAreRoundedRight() throws {
        let seed = testSeeds(1)[0]
        var generator = Generator(random: SeededRandom(seed: seed))
        for _ in 0..<5_000 {
            let text = generator.number()
            let expected = Double(text)!
            if expected.isFinite {
                #expect(try read(Double.self, text) == expected, "seed \(seed): \(text)")
            } else {
                #expect(throws: RecordFault.self) { try read(Double.self, text) }
            }
        }
        for text in [
            "9007199254740993", "9007199254740992", "1e22", "1e23", "123456789e-22", "5e-324",
            "2.4703282292062328e-324",
            "1.7976931348623157e308", "0.000000000000000000000000000000000000000000000000000000000000001",
            "100000000000000000000000000000000000000000", "1e-400", "-0", "-0.0e-5", "8.5e-300", "18446744073709551616",
        ] { #expect(try read(Double.self, text).bitPattern == Double(text)!.bitPattern, "\(text)") }
    }
}
