internal import MillraceCore

/// Reads a file from a position to its end and lends it in pieces, each as long as the reader wants to see at once.
///
/// A record that is longer than the piece makes the piece grow, up to a limit. Owned by one task.
final class FileWindow {
    let file: any StorageFile
    let size: Int64
    private(set) var position: Int64
    private var buffer: UnsafeMutableRawBufferPointer
    /// The longest record there may be, and what it is called.
    private let limit: Int
    private let unit: String

    init(_ file: any StorageFile, from position: Int64, longest limit: Int, unit: String) throws(Failure) {
        (self.file, self.position, self.limit, self.unit) = (file, position, limit, unit)
        do throws(IOFault) { size = try file.size() } catch { throw Failure(error, "the file cannot be read") }
        buffer = .allocate(byteCount: Limits.lineBufferBytes, alignment: 64)
    }
    deinit { buffer.deallocate() }

    var isAtEnd: Bool { position >= size }

    /// Lends the next piece, until something was taken from it.
    ///
    /// - Parameter cut: takes whole records from the front of the bytes and returns how many bytes they were; 0 asks
    ///   for more. Is told when nothing is behind the bytes.
    /// - Returns: how many bytes were taken.
    func next(atMost: Int, cut: (_ bytes: UnsafeRawBufferPointer, _ isLast: Bool) throws(Failure) -> Int)
        throws(Failure) -> Int
    {
        var atMost = max(atMost, 64 << 10)
        while !isAtEnd {
            let wanted = min(Int(min(Int64(buffer.count), size - position)), atMost)
            let filled: Int
            do throws(IOFault) {
                filled = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: position)
            } catch { throw Failure(error, "the file cannot be read", place: place) }
            guard filled > 0 else {
                throw Failure(
                    .corrupt, "the file became shorter while it was read", advice: "Read files that nobody changes",
                    place: place)
            }
            let isLast = position + Int64(filled) >= size
            let used = try cut(UnsafeRawBufferPointer(rebasing: buffer[..<filled]), isLast)
            position += Int64(used)
            if used > 0 { return used }
            guard filled < limit else {
                throw Failure(
                    .limitReached, "a \(unit) is longer than \(limit) bytes",
                    advice: "Is this a file of one record a \(unit)?", place: place, isFatal: true)
            }
            if filled > buffer.count / 2 { grow() }
            atMost = filled * 2
        }
        return 0
    }

    private var place: String { "\(file.path) at byte \(position)" }

    private func grow() {
        let larger = min(buffer.count * 4, limit)
        buffer.deallocate()
        buffer = .allocate(byteCount: larger, alignment: 64)
    }

    func close() { file.close() }
}
