import MillraceCore

/// Reads a descriptor line by line, lending each line from one reused buffer.
final class LineReader {
    private let descriptor: Int32
    private var buffer: UnsafeMutableRawBufferPointer
    /// The unread part of the buffer.
    private var unread = 0..<0
    private var isAtEnd = false
    private(set) var lineNumber = 0

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        buffer = .allocate(byteCount: Limits.inputBufferBytes, alignment: 16)
    }
    deinit { buffer.deallocate() }

    /// True when the next line can be had without waiting for input.
    var hasBufferedLine: Bool { buffer[unread].contains(UInt8(ascii: "\n")) }

    /// The next line without its line end, lent until the next call; nil at the end. A last line needs no newline.
    func next() throws(Failure) -> UnsafeRawBufferPointer? {
        var searched = 0
        while true {
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[unread])
            if let length = bytes[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                return take(length, skipping: 1)
            }
            searched = bytes.count
            if isAtEnd { return bytes.isEmpty ? nil : take(bytes.count, skipping: 0) }
            try fill()
        }
    }

    private func take(_ length: Int, skipping extra: Int) -> UnsafeRawBufferPointer {
        let start = unread.lowerBound
        unread = start + length + extra..<unread.upperBound
        lineNumber += 1
        var line = UnsafeRawBufferPointer(rebasing: buffer[start..<start + length])
        if line.last == UInt8(ascii: "\r") { line = UnsafeRawBufferPointer(rebasing: line.dropLast()) }
        return line
    }

    private func fill() throws(Failure) {
        if unread.lowerBound > 0 {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[unread]))
            unread = 0..<unread.count
        }
        if unread.upperBound == buffer.count {
            guard buffer.count < Limits.inputLineBytes else {
                throw Failure(
                    .limitReached, "line \(lineNumber + 1) of the input is longer than \(Limits.inputLineBytes) bytes",
                    advice: "Split it; a record must fit a batch")
            }
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: buffer.count * 2, alignment: 16)
            larger.copyMemory(from: UnsafeRawBufferPointer(buffer))
            buffer.deallocate()
            buffer = larger
        }
        let free = UnsafeMutableRawBufferPointer(rebasing: buffer[unread.upperBound...])
        let count = try SystemProcess.read(descriptor, into: free)
        isAtEnd = count == 0
        unread = unread.lowerBound..<unread.upperBound + count
    }
}
