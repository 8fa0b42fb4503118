import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

/// A record whose log form is its stored form: tests of operators need no JSON.
protocol TestRecord: Record {}
extension TestRecord {
    static func decode(key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?) throws -> Self {
        guard let value else { throw ByteFault(.truncated, at: 0) }
        var reader = ByteReader(value)
        let record = try Self.load(from: &reader)
        try reader.expectEnd()
        return record
    }
    func encode(into writer: inout ByteWriter) { store(into: &writer) }
}

struct Click: TestRecord, KeyedRecord, Hashable {
    var page: String
    var amount: Int = 1
    var at: EventTime

    var key: String { page }
    func store(into writer: inout ByteWriter) {
        page.store(into: &writer)
        amount.store(into: &writer)
        at.store(into: &writer)
    }
    static func load(from reader: inout ByteReader) throws -> Click {
        Click(
            page: try .load(from: &reader), amount: try .load(from: &reader), at: try .load(from: &reader))
    }
}

extension Click {
    init(_ page: String, _ seconds: Int64, amount: Int = 1) {
        self.init(page: page, amount: amount, at: .seconds(seconds))
    }
}
