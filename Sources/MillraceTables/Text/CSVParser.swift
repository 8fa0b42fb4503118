public import MillraceCore

/// Reads CSV after RFC 4180, piece by piece: records of fields, fields in quotes where they hold commas, quotes or line
/// ends. Strict: a quote inside a bare field, or something behind a closing quote, is a fault.
public struct CSVParser {
    public struct Field: Hashable, Sendable {
        public var text: String
        /// An empty field without quotes is null; with quotes it is empty text.
        public var isQuoted: Bool
        public var line: Int
        public var column: Int
        public var isNull: Bool { text.isEmpty && !isQuoted }
    }

    private enum Place {
        case fieldStart, bare, quoted, quoteInQuoted, carriageReturn
    }
    private var place = Place.fieldStart
    private let separator: UInt8
    private var bytes: [UInt8] = []
    private var fields: [Field] = []
    private var recordBytes = 0
    private var (line, column) = (1, 1)
    private var (fieldLine, fieldColumn) = (1, 1)
    private var isQuoted = false

    public init(separator: Character = ",") { self.separator = separator.asciiValue ?? UInt8(ascii: ",") }

    /// Takes the next bytes of the text and hands over each record that ends in them.
    public mutating func feed<E: Error>(
        _ chunk: UnsafeRawBufferPointer, _ record: ([Field]) throws(E) -> Void
    ) throws(Stop<E>) {
        for byte in chunk { try take(byte, record) }
    }

    /// Ends the text. A last record needs no line end.
    public mutating func finish<E: Error>(_ record: ([Field]) throws(E) -> Void) throws(Stop<E>) {
        if place == .quoted {
            throw .fault(TextFault("a field in quotes without its end", line: fieldLine, column: fieldColumn))
        }
        if place == .carriageReturn { return try endRecord(record) }
        if place == .fieldStart, fields.isEmpty { return }
        try endField(record)
        try endRecord(record)
    }

    /// Why reading stopped: the text is wrong, or the receiver of the records threw.
    public enum Stop<E: Error>: Error {
        case fault(TextFault)
        case receiver(E)
    }

    private mutating func take<E: Error>(_ byte: UInt8, _ record: ([Field]) throws(E) -> Void) throws(Stop<E>) {
        recordBytes += 1
        guard recordBytes <= Limits.rowTextBytes else {
            throw fault("a record above \(Limits.rowTextBytes) bytes; is a quote missing?")
        }
        defer {
            if byte == 0x0A {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
            if place == .fieldStart, byte == separator || byte == 0x0A { (fieldLine, fieldColumn) = (line, column) }
        }
        switch (place, byte) {
        case (.carriageReturn, 0x0A):
            try endRecord(record)
        case (.carriageReturn, _): throw fault("a carriage return without a line feed")
        case (.quoted, UInt8(ascii: "\"")): place = .quoteInQuoted
        case (.quoted, _): bytes.append(byte)
        case (.quoteInQuoted, UInt8(ascii: "\"")):
            bytes.append(byte)
            place = .quoted
        case (.fieldStart, UInt8(ascii: "\"")):
            isQuoted = true
            place = .quoted
        case (_, separator): try endField(record)
        case (_, 0x0A):
            try endField(record)
            try endRecord(record)
        case (_, 0x0D):
            try endField(record)
            place = .carriageReturn
        case (.quoteInQuoted, _): throw fault("something behind a closing quote")
        case (_, UInt8(ascii: "\"")): throw fault("a quote inside a field without quotes")
        default:
            bytes.append(byte)
            place = .bare
        }
    }

    private mutating func endField<E: Error>(_: ([Field]) throws(E) -> Void) throws(Stop<E>) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .fault(TextFault("a field that is not UTF-8", line: fieldLine, column: fieldColumn))
        }
        fields.append(Field(text: text, isQuoted: isQuoted, line: fieldLine, column: fieldColumn))
        guard fields.count <= Limits.columnsPerTable else { throw fault("more than \(Limits.columnsPerTable) fields") }
        bytes.removeAll(keepingCapacity: true)
        (isQuoted, place) = (false, .fieldStart)
    }

    private mutating func endRecord<E: Error>(_ record: ([Field]) throws(E) -> Void) throws(Stop<E>) {
        place = .fieldStart
        recordBytes = 0
        let done = fields
        fields.removeAll(keepingCapacity: true)
        // A line without anything is no record.
        if done.count == 1, done[0].isNull { return }
        do throws(E) {
            try record(done)
        } catch {
            throw .receiver(error)
        }
    }

    private func fault<E: Error>(_ message: String) -> Stop<E> {
        .fault(TextFault(message, line: line, column: column))
    }

    /// A field as it has to be written: null as nothing, in quotes where that is needed.
    public static func write(_ text: String?, separator: Character = ",", into writer: inout ByteWriter) {
        guard let text else { return }
        let separator = separator.asciiValue ?? UInt8(ascii: ",")
        let needsQuotes =
            text.isEmpty
            || text.utf8.contains { $0 == separator || $0 == UInt8(ascii: "\"") || $0 == 0x0A || $0 == 0x0D }
        if !needsQuotes { return writer.text(text) }
        writer.byte(UInt8(ascii: "\""))
        for byte in text.utf8 {
            if byte == UInt8(ascii: "\"") { writer.byte(byte) }
            writer.byte(byte)
        }
        writer.byte(UInt8(ascii: "\""))
    }
}
