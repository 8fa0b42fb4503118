import MillraceCore

/// Rows of `Codable` structs: `struct Stats: CodableRow { … }` and nothing more.
///
/// Each stored field is a column of its name. Numbers, text, truth values, `EventTime` and enums with raw values are
/// cells of their kind; a field that is a `RowShape` itself is its own columns; anything else (arrays, dictionaries,
/// nested structs) is a text column of JSON. A missing optional is null. An encoder is made per row: for the hottest
/// results write `shape(into:name:role:)` and `write(to:)` by hand.
public protocol CodableRow: RowShape, Codable {}

extension CodableRow {
    public static func shape(into layout: inout RowLayout, name: String, role: ColumnRole) {
        switch RowFields.of(Self.self) {
        case .success(let fields):
            for field in fields { for column in field.columns { layout.add(column.name, role, column.type) } }
        case .failure(let failure): layout.refuse(failure)
        }
    }
    public func write(to row: inout RowBuffer) {
        let cells = RowCells()
        do { try encode(to: cells) } catch { preconditionFailure("\(Self.self) cannot be encoded: \(error)") }
        guard case .success(let fields) = RowFields.of(Self.self) else { return }
        for field in fields {
            let found = cells.values[field.name] ?? []
            for index in field.columns.indices { (index < found.count ? found[index] : .null).write(to: &row) }
        }
    }
}

/// A field of a `Codable` row and the columns it becomes.
struct RowField: Sendable {
    var name: String
    var columns: [RowColumn]
}

/// The fields of `Codable` row types, each found once in a process.
enum RowFields {
    private static let known = Lock<[ObjectIdentifier: Result<[RowField], Failure>]>([:])

    static func of<Row: CodableRow>(_: Row.Type) -> Result<[RowField], Failure> {
        if let found = known.withLock({ $0[ObjectIdentifier(Row.self)] }) { return found }
        let probe = RowProbe()
        var result: Result<[RowField], Failure>
        do {
            _ = try Row(from: probe)
            result = .success(probe.fields)
        } catch {
            result = .failure(
                Failure(
                    .invalidArgument, "the columns of \(Row.self) cannot be found out",
                    advice: "Make its enums CaseIterable, or write shape(into:name:role:) and write(to:) for it",
                    place: "\(Row.self)", cause: error))
        }
        known.withLock { $0[ObjectIdentifier(Row.self)] = result }
        return result
    }
}

/// A cell that owns its bytes.
enum RowValue {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case text(String)
    case bytes([UInt8])
    case time(EventTime)

    init(_ cell: RowCell) {
        self =
            switch cell {
            case .null: .null
            case .bool(let value): .bool(value)
            case .int(let value): .int(value)
            case .double(let value): .double(value)
            case .text(let bytes): .text(String(decoding: bytes, as: UTF8.self))
            case .bytes(let bytes): .bytes(Array(bytes))
            case .time(let value): .time(value)
            }
    }
    func write(to row: inout RowBuffer) {
        switch self {
        case .null: row.null()
        case .bool(let value): row.bool(value)
        case .int(let value): row.int(value)
        case .double(let value): row.double(value)
        case .text(let value): row.text(value)
        case .bytes(let value): value.withUnsafeBytes { row.bytes($0) }
        case .time(let value): row.time(value)
        }
    }
}
