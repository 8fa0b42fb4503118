// fuzz-modules: MillraceCore MillraceFlow
import MillraceCore
import MillraceFlow

/// Two documents with a zero byte between them: what the second gives does not depend on the first having been read
/// before it, neither when it is checked against the first nor when that fails halfway.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: start, count: count)
    guard let cut = bytes.firstIndex(of: 0) else { return 0 }
    let first = UnsafeRawBufferPointer(rebasing: bytes[..<cut])
    let second = UnsafeRawBufferPointer(rebasing: bytes[(cut + 1)...])

    JSONLayouts.forget()
    let fields = Outcome { () throws(RecordFault) in try Probe.decode(key: nil, value: second) }
    JSONLayouts.forget()
    let whole = Outcome { () throws(RecordFault) in try JSON.decode(Tree.self, from: second) }
    JSONLayouts.forget()
    _ = Outcome { () throws(RecordFault) in try Probe.decode(key: nil, value: first) }
    _ = Outcome { () throws(RecordFault) in try JSON.decode(Tree.self, from: first) }
    let fieldsAgain = Outcome { () throws(RecordFault) in try Probe.decode(key: nil, value: second) }
    let wholeAgain = Outcome { () throws(RecordFault) in try JSON.decode(Tree.self, from: second) }
    precondition(fields == fieldsAgain, "by fields: \(fields), after another document: \(fieldsAgain)")
    precondition(whole == wholeAgain, "as a whole: \(whole), after another document: \(wholeAgain)")
    return 0
}

private enum Outcome<T: Equatable>: Equatable {
    case read(T)
    case refused(RecordFault)
    init(_ read: () throws(RecordFault) -> T) {
        do throws(RecordFault) { self = .read(try read()) } catch { self = .refused(error) }
    }
}

/// The tokens of some fields, by every way of reading them.
private struct Probe: FieldRecord, Equatable {
    var seen: [String] = []
    static let fields: JSONFields = ["a", "b", "a longer name than sixteen bytes", ""]
    static let words: JSONWords = ["x", "four", "eight888", "more than sixteen bytes"]
    init(_ row: borrowing JSONRow) throws(RecordFault) {
        for i in 0..<Self.fields.names.count {
            note("\(row.isPresent(i))")
            try see { () throws(RecordFault) in "\(try row.integer(i, as: Int64.self))" }
            try see { () throws(RecordFault) in "\(try row.integerInText(i, as: UInt64.self))" }
            try see { () throws(RecordFault) in "\(try row.double(i).bitPattern)" }
            try see { () throws(RecordFault) in "\(try row.bool(i))" }
            try see { () throws(RecordFault) in try row.string(i) }
            try see { () throws(RecordFault) in "\(try row.id(i))" }
            try see { () throws(RecordFault) in "\(try row.time(i))" }
            try see { () throws(RecordFault) in "\(try row.word(i, of: Self.words))" }
            try see { () throws(RecordFault) in "\(try row.decode(i, as: Tree.self))" }
        }
    }
    private mutating func note(_ text: String) { seen.append(text) }
    private mutating func see(_ read: () throws(RecordFault) -> String) throws(RecordFault) {
        do throws(RecordFault) { note(try read()) } catch { note("\(error)") }
    }
    func encode(into writer: inout ByteWriter) {}
    func store(into writer: inout ByteWriter) {}
    static func load(from reader: inout ByteReader) throws -> Probe { throw RecordFault(.custom, at: 0) }
}

/// Any document, all of it.
private indirect enum Tree: Decodable, Equatable {
    case null, bool(Bool), number(UInt64), text(String), list([Tree]), object([String], [Tree])

    struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
    init(from decoder: any Decoder) throws {
        if let keyed = try? decoder.container(keyedBy: Key.self) {
            let keys = keyed.allKeys
            self = .object(
                keys.map(\.stringValue), try keys.map { try keyed.decode(Tree.self, forKey: $0) })
            return
        }
        if var list = try? decoder.unkeyedContainer() {
            var elements: [Tree] = []
            while !list.isAtEnd { elements.append(try list.decode(Tree.self)) }
            self = .list(elements)
            return
        }
        let single = try decoder.singleValueContainer()
        if single.decodeNil() {
            self = .null
        } else if let flag = try? single.decode(Bool.self) {
            self = .bool(flag)
        } else if let number = try? single.decode(Double.self) {
            self = .number(number.bitPattern)
        } else {
            self = .text(try single.decode(String.self))
        }
    }
}
