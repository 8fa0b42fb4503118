internal import MillraceCore
internal import MillraceFlow

/// Cuts bytes into lines and lends them as records. An empty line is no record; a last line without an end is one.
final class LineCutter {
    private let lent: UnsafeMutableBufferPointer<RawRecord> = .allocate(capacity: Limits.recordsPerBatch)
    deinit { lent.deallocate() }

    /// Lends every whole line, and returns how many bytes they took.
    func lend(
        _ bytes: UnsafeRawBufferPointer, at position: Int64, isLast: Bool,
        _ body: (UnsafeBufferPointer<RawRecord>) -> Void
    ) -> Int {
        var (start, count) = (0, 0)
        while start < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
            guard let length = NewlineSearch.first(in: rest) ?? (isLast ? rest.count : nil) else { break }
            if length > 0 {
                lent[count] = RawRecord(
                    offset: position + Int64(start), timestamp: .distantPast, key: nil,
                    value: UnsafeRawBufferPointer(rebasing: rest[..<length]))
                count += 1
                if count == lent.count {
                    body(UnsafeBufferPointer(lent))
                    count = 0
                }
            }
            start = min(bytes.count, start + length + 1)
        }
        if count > 0 { body(UnsafeBufferPointer(rebasing: lent[..<count])) }
        return start
    }
}
