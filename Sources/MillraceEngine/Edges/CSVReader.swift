internal import MillraceCore
internal import MillraceFlow
internal import MillraceTables

/// Reads the rows of a file and hands them on as `Element` writes itself.
final class CSVReader<Element: Record & Decodable>: SourceReader {
    private let window: FileWindow
    private let separator: Character
    private let header: CSVHeader
    /// Where the first row begins, behind what names the columns.
    private let firstRow: Int64
    private var rejected: [RejectedInput] = []
    /// Records of one call, behind one another; where each ends, and the position of its row.
    private var encoded = ByteWriter(capacity: 256 << 10)
    private var ends: [(key: Int, value: Int, position: Int64)] = []

    var position: Int64 { max(firstRow, window.position) }
    var end: Int64 { window.size }

    init(_ file: any StorageFile, from position: Int64, columns: [String]?, separator: Character) throws(Failure) {
        self.separator = separator
        let start = try FileWindow(file, from: 0, longest: Limits.csvRowBytes, unit: "row")
        (header, firstRow) = try Self.header(start, columns, separator)
        window = try FileWindow(file, from: max(position, firstRow), longest: Limits.csvRowBytes, unit: "row")
    }

    /// The names of the columns, and the position behind them.
    private static func header(
        _ window: FileWindow, _ columns: [String]?, _ separator: Character
    ) throws(Failure) -> (CSVHeader, Int64) {
        var found: (names: [String], end: Int)?
        _ = try window.next(atMost: 1) { (bytes, isLast) throws(Failure) in
            let mark = CSVRows.byteOrderMark(bytes)
            if let columns {
                found = (columns, mark)
                return bytes.count
            }
            let rest = UnsafeRawBufferPointer(rebasing: bytes[mark...])
            guard let length = CSVRows.length(of: rest, isLast: isLast) else { return 0 }
            do throws(TextFault) {
                let fields = try CSVRows.fields(UnsafeRawBufferPointer(rebasing: rest[..<length]), separator)
                found = (fields.map(\.text), mark + length)
            } catch {
                throw Failure(
                    .invalidArgument, "the row that names the columns cannot be read: \(error.message)",
                    advice: "Mend the file's first row, or give the names with columns:",
                    place: window.file.path, isFatal: true)
            }
            return bytes.count
        }
        return (try CSVHeader(found?.names ?? columns ?? [], of: window.file.path), Int64(found?.end ?? 0))
    }

    func read(maxBytes: Int, _ body: (UnsafeBufferPointer<RawRecord>) -> Void) throws(Failure) -> ReadOutcome {
        var left = maxBytes
        while left > 0, !window.isAtEnd, rejected.count < Limits.rejectedPerRead {
            left -= try window.next(atMost: left) { (bytes, isLast) throws(Failure) in
                var used = 0
                while used < bytes.count, rejected.count < Limits.rejectedPerRead {
                    let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
                    guard let length = CSVRows.length(of: rest, isLast: isLast) else { break }
                    let row = UnsafeRawBufferPointer(rebasing: rest[..<length])
                    used += try take(row, at: window.position + Int64(used))
                    if ends.count == Limits.recordsPerBatch { lend(body) }
                }
                lend(body)
                // A quote that is never closed: its line is no row, and the next may be one.
                if used == 0, bytes.count >= Limits.csvRowBytes, NewlineSearch.first(in: bytes) != nil {
                    used = reject(bytes, at: window.position, "a row of more than \(Limits.csvRowBytes) bytes")
                }
                return used
            }
        }
        return window.isAtEnd ? .ended : .more
    }

    /// - Returns: how many bytes were dealt with: all of the row, or the first line of what only looks like one.
    private func take(_ row: UnsafeRawBufferPointer, at position: Int64) throws(Failure) -> Int {
        let fields: [CSVParser.Field]
        do throws(TextFault) { fields = try CSVRows.fields(row, separator) } catch {
            return reject(row, at: position, error.message)
        }
        if fields.isEmpty { return row.count }
        guard fields.count == header.names.count else {
            return reject(row, at: position, "\(fields.count) fields, and \(header.names.count) columns")
        }
        let element: Element
        do { element = try Element(from: CSVRow(header: header, fields: fields)) } catch let missing as MissingColumn {
            throw header.lacks(missing.name, in: window.file.path)
        } catch {
            return reject(row, at: position, CSVRow.reason(error))
        }
        let start = encoded.count
        let key = element.encodeKey(into: &encoded) ? encoded.count : start
        element.encode(into: &encoded)
        ends.append((key, encoded.count, position))
        return row.count
    }

    /// Notes the first line of the bytes as no record, and returns its length.
    private func reject(_ bytes: UnsafeRawBufferPointer, at position: Int64, _ reason: String) -> Int {
        let length = NewlineSearch.first(in: bytes).map { $0 + 1 } ?? bytes.count
        let line = bytes[..<length].prefix(Limits.rejectedBytes).filter { $0 != 0x0A && $0 != 0x0D }
        rejected.append(RejectedInput(position: position, value: line, reason: reason))
        return length
    }

    private func lend(_ body: (UnsafeBufferPointer<RawRecord>) -> Void) {
        guard !ends.isEmpty else { return }
        encoded.bytes.withUnsafeBytes { all in
            withUnsafeTemporaryAllocation(of: RawRecord.self, capacity: ends.count) { records in
                var start = 0
                for (index, end) in ends.enumerated() {
                    records.initializeElement(
                        at: index,
                        to: RawRecord(
                            offset: end.position, timestamp: .distantPast,
                            key: end.key > start ? UnsafeRawBufferPointer(rebasing: all[start..<end.key]) : nil,
                            value: UnsafeRawBufferPointer(rebasing: all[end.key..<end.value])))
                    start = end.value
                }
                body(UnsafeBufferPointer(records))
            }
        }
        encoded.removeAll()
        ends.removeAll(keepingCapacity: true)
    }

    func takeRejected() -> [RejectedInput] {
        if rejected.isEmpty { return [] }
        defer { rejected.removeAll() }
        return rejected
    }

    /// A file of this kind has ended when it was read: nobody needs to be woken.
    func whenReadable(_ wake: @escaping @Sendable () -> Void) {}

    func record(at position: Int64) throws(Failure) -> (key: [UInt8]?, value: [UInt8]?, timestamp: EventTime)? {
        let reader = try CSVReader(window.file, from: position, columns: header.names, separator: separator)
        var found: [UInt8]?
        _ = try reader.read(maxBytes: 1) { records in
            if found == nil { found = records.first?.value.map(Array.init) }
        }
        return found.map { (nil, $0, .distantPast) }
    }

    func close() { window.close() }
}
