// fuzz-modules: MillraceCore MillraceTables
import MillraceCore
import MillraceTables

let fuzzSchema: TableSchema? = try? TableSchema.parse(
    keyspace: "k", name: "t",
    columns: """
        a text, b timestamp, c map<text, frozen<list<double>>>, d set<inet>, e decimal, f duration, \
        g tuple<int, blob>, h time, i uuid, j varint, k boolean, l date, PRIMARY KEY (a, b)
        """)

/// Lines of JSON and CSV in any pieces: no trap, places inside the text, and what is read is the same when written
/// again.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: start, count: count)
    guard let schema = fuzzSchema, count > 1 else { return 0 }
    let text = UnsafeRawBufferPointer(rebasing: input[1...])
    do throws(TextFault) {
        let fields = try RowText.fields(json: text, of: schema)
        var writer = ByteWriter()
        RowText.json(fields.map(\.value), of: fields.map(\.column), into: &writer)
        let again = try? writer.bytes.withUnsafeBytes { try RowText.fields(json: $0, of: schema) }
        var second = ByteWriter()
        RowText.json((again ?? []).map(\.value), of: (again ?? []).map(\.column), into: &second)
        precondition(second.bytes == writer.bytes, "a row changed by being written")
    } catch {
        precondition(error.line >= 1 && error.column >= 1 && error.line <= count + 1)
    }
    var whole: [[CSVParser.Field]] = []
    var pieces: [[CSVParser.Field]] = []
    let wholeRead = read(text, by: text.count, into: &whole)
    let piecesRead = read(text, by: Int(input[0] % 7) + 1, into: &pieces)
    precondition(wholeRead == piecesRead && whole == pieces, "CSV in pieces is read differently")
    return 0
}

func read(_ text: UnsafeRawBufferPointer, by size: Int, into records: inout [[CSVParser.Field]]) -> Bool {
    var parser = CSVParser()
    var found: [[CSVParser.Field]] = []
    defer { records = found }
    do {
        var at = 0
        while at < text.count {
            let end = min(text.count, at + size)
            try parser.feed(UnsafeRawBufferPointer(rebasing: text[at..<end])) { (record) throws(Never) in
                found.append(record)
            }
            at = end
        }
        try parser.finish { (record) throws(Never) in found.append(record) }
        return true
    } catch {
        return false
    }
}
