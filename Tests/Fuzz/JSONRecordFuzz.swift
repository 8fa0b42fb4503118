// fuzz-modules: MillraceCore MillraceFlow
import MillraceCore
import MillraceFlow

/// Any bytes as a document: both ways of reading agree on whether it is one, faults lie inside it, and what was read
/// can be written and read again.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: start, count: count)
    var fast: RecordFault?
    do throws(RecordFault) { _ = try JSON.decode(Any3.self, from: bytes) } catch {
        precondition(error.position <= count, "a fault behind the end")
    }
    do throws(RecordFault) {
        let probe = try Probe.decode(key: nil, value: bytes)
        precondition(probe.seen <= 3)
    } catch { fast = error }
    var slow: RecordFault?
    do throws(RecordFault) { _ = try JSON.decode(Shape.self, from: bytes) } catch { slow = error }
    // The whole document is checked by both, so what is not JSON at all is so to both, at the same place.
    let grammar: Set<RecordFault.Reason> = [
        .syntax, .truncated, .invalidUTF8, .invalidEscape, .controlCharacter, .tooDeep, .tooLarge, .trailingBytes,
        .invalidNumber,
    ]
    if let slow, grammar.contains(slow.reason) {
        // A duplicate may be met before the damage behind it.
        precondition(fast != nil, "only one way refuses: \(slow)")
    }
    if let fast, grammar.contains(fast.reason) {
        precondition(slow?.reason == fast.reason, "\(fast) \(String(describing: slow))")
    }
    return 0
}

private struct Shape: Decodable {
    init(from decoder: any Decoder) throws {}
}

private struct Probe: FieldRecord {
    var seen = 0
    static let fields: JSONFields = ["a", "ab", "a longer name than sixteen bytes", ""]
    init(_ row: borrowing JSONRow) throws(RecordFault) {
        _ = try? row.integer(0, as: Int8.self)
        _ = try? row.double(0)
        _ = try? row.string(1)
        _ = try? row.time(1)
        _ = try? row.id(1)
        _ = try? row.word(2, of: ["x", "four", "eight888", "more than sixteen bytes"])
        _ = try? row.integerInText(2, as: UInt64.self)
        _ = try? row.decode(3, as: [String: [Int]].self)
        seen = (row.isPresent(0) ? 1 : 0) + (row.isPresent(1) ? 1 : 0) + (row.isPresent(2) ? 1 : 0)
    }
    func encode(into writer: inout ByteWriter) {}
    func store(into writer: inout ByteWriter) {}
    static func load(from reader: inout ByteReader) throws -> Probe { throw RecordFault(.custom, at: 0) }
}

/// Objects of arrays of numbers, texts and optional times: every kind of container and value.
private struct Any3: Codable {
    struct Inner: Codable {
        var n: Int64?
        var d: Double?
        var t: EventTime?
        var i: ID128?
        var u: [UInt8]?
    }
    var a: [Inner]?
    var m: [String: String]?
    var s: String?
    var b: Bool?
}
