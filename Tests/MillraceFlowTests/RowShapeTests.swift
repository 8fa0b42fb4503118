import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

private enum Grade: String, Codable, CaseIterable, Sendable { case good, bad }
private enum Level: Int, Codable, Sendable {
    case low = 1
    case high = 2
}
private struct Inner: Codable, Hashable, Sendable {
    var a: Int
    var b: String?
}
private struct Range: CodableRow, Hashable, Sendable {
    var low: Double
    var high: Double
}
private struct Stats: CodableRow, Sendable {
    var views: Int
    var share: Double
    var page: String
    var isNew: Bool
    var at: EventTime
    var grade: Grade
    var note: String?
    var small: UInt8?
    var tags: [String]
    var inner: Inner
    var range: Range
    var id: ID128
}
private struct ByHand: RowShape, Sendable {
    var views: Int
    var page: String
    static func shape(into layout: inout RowLayout, name: String, role: ColumnRole) {
        Int.shape(into: &layout, name: "views", role: role)
        String.shape(into: &layout, name: "page", role: role)
    }
    func write(to row: inout RowBuffer) {
        views.write(to: &row)
        page.write(to: &row)
    }
}
private struct Unknowable: CodableRow, Sendable {
    var level: Level
}
private struct Clash: CodableRow, Sendable {
    var window_start: Int
}

private struct Into<Row: RowShape & Sendable>: Pipeline {
    var make: @Sendable (Pane<String, Int>) -> Pane<String, Row>
    var body: some Flow<Click, Pane<String, Row>> {
        Events<Click>().keyed().window(.tumbling(.seconds(10)), at: \.at).sum(\.amount)
            .map(to: Pane<String, Row>.self) { make($0) }
    }
}

/// Results of the user's own types as rows of tables.
@Suite struct RowShapeTests {
    private func rows<Row: RowShape & Sendable>(_ make: @escaping @Sendable (Pane<String, Int>) -> Row) throws
        -> [[String: String]]
    {
        let plan = try Plan(
            rows: Into<Row> { Pane(key: $0.key, start: $0.start, end: $0.end, value: make($0), info: $0.info) })
        let kernel = plan.stages[0].makeKernel(KernelOptions())
        var out = StageOutput(layout: plan.layout)
        [Click("a", 1, amount: 7), Click("b", 30)].withUnsafeBufferPointer {
            kernel.values(of: Click.self)?.process($0, at: .distantPast, into: &out)
        }
        kernel.advance(to: .seconds(11), into: &out)
        var found: [[String: String]] = []
        out.rows.forEach { _, cells in
            var row: [String: String] = [:]
            for (column, cell) in zip(plan.layout.columns, cells) {
                row[column.name] =
                    switch cell {
                    case .null: "null"
                    case .bool(let value): "\(value)"
                    case .int(let value): "\(value)"
                    case .double(let value): "\(value)"
                    case .text(let bytes), .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
                    case .time(let time): "t\(time.microseconds)"
                    }
            }
            #expect(cells.count == plan.layout.columns.count)
            found.append(row)
        }
        return found
    }

    @Test func aCodableStruct() throws {
        let row = try #require(
            try rows { pane in
                Stats(
                    views: pane.value, share: 0.5, page: pane.key, isNew: true, at: .seconds(3), grade: .bad, note: nil,
                    small: 200, tags: ["x", "y"], inner: Inner(a: 1, b: nil), range: Range(low: 1, high: 2),
                    id: ID128(high: 1, low: 2))
            }.first)
        #expect(row["key"] == "a")
        #expect(row["window_start"] == "t0")
        #expect(row["views"] == "7")
        #expect(row["share"] == "0.5")
        #expect(row["isNew"] == "true")
        #expect(row["at"] == "t3000000")
        #expect(row["grade"] == "bad")
        #expect(row["note"] == "null")
        #expect(row["small"] == "200")
        #expect(row["tags"] == #"["x","y"]"#)
        #expect(row["inner"] == #"{"a":1}"#)
        #expect(row["low"] == "1.0")
        #expect(row["high"] == "2.0")
        #expect(row["id"] == "\(ID128(high: 1, low: 2))")
        let types = Dictionary(
            uniqueKeysWithValues: RowLayout.of(Stats.self).columns.map { ($0.name, $0.type) })
        #expect(types["views"] == .int && types["grade"] == .text && types["at"] == .time && types["isNew"] == .bool)
        #expect(types["share"] == .double && types["tags"] == .text && types["small"] == .int && types["id"] == .text)
    }
    @Test func aStructByHand() throws {
        let row = try #require(try rows { ByHand(views: $0.value, page: "p") }.first)
        #expect(row["views"] == "7" && row["page"] == "p")
    }
    @Test func anOptionalStructIsNullsOrCells() throws {
        let missing = try #require(try rows { _ in Range?.none }.first)
        #expect(missing["low"] == "null" && missing["high"] == "null")
        let there = try #require(try rows { _ in Range?.some(Range(low: 1, high: 2)) }.first)
        #expect(there["low"] == "1.0")
    }
    @Test func whatCannotBeARowIsRefusedAtStart() {
        #expect(throws: Failure.self) { _ = try rows { _ in Unknowable(level: .low) } }
        let clash = #expect(throws: Failure.self) { _ = try rows { _ in Clash(window_start: 1) } }
        #expect(clash?.message.contains("window_start") == true)
    }
}
