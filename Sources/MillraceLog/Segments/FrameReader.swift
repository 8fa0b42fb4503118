internal import MillraceCore

/// Why the bytes at a place in a segment are not the batch that belongs there.
struct FrameFault: Error, Sendable {
    /// Where the batch should begin, and which offset it should begin with.
    var position: Int64
    var offset: Int64
    var reason: String
}

/// Reads a segment's batches one after another and checks every bit of them.
///
/// The checksum covers a batch from its attributes on; the rest is checked from what must be: the base offset continues
/// the previous batch, the epoch is the segment's, the magic is 2, and a wrong length fails the checksum.
struct FrameReader: ~Copyable {
    let file: any StorageFile
    let name: SegmentName
    /// Bytes to read up to.
    let limit: Int64
    private(set) var position: Int64
    /// The offset that the next batch must begin with.
    private(set) var offset: Int64
    private var buffer: UnsafeMutableRawBufferPointer
    /// What part of the file the buffer holds.
    private var bufferStart: Int64 = 0
    private var bufferCount = 0

    /// - Parameter window: bytes read at once; a larger batch is read whole all the same.
    init(
        _ file: any StorageFile, _ name: SegmentName, from position: Int64, offset: Int64, limit: Int64,
        window: Int = Limits.scanWindowBytes
    ) {
        (self.file, self.name, self.limit) = (file, name, limit)
        (self.position, self.offset) = (position, offset)
        let wanted = min(max(limit - position, Int64(BatchHeader.byteCount)), Int64(window))
        buffer = .allocate(byteCount: Int(wanted), alignment: 16)
    }
    deinit { buffer.deallocate() }

    enum Failing: Error {
        case io(IOFault)
        case frame(FrameFault)
    }

    /// Hands the next whole batch to `body`; false at the limit. After a throw the reader stands where it stood.
    mutating func next(_ body: (RecordBatchView) -> Void) throws(Failing) -> Bool {
        guard position < limit else { return false }
        let left = limit - position
        guard left >= Int64(BatchHeader.byteCount) else { throw fault("\(left) bytes are no batch") }
        try fill(BatchHeader.byteCount)
        let header: BatchHeader
        do throws(ByteFault) { header = try BatchHeader(window(BatchHeader.byteCount)) } catch {
            throw fault("no batch header: \(error)")
        }
        guard header.baseOffset == offset else { throw fault("begins with offset \(header.baseOffset)") }
        guard header.leaderEpoch == name.epoch else { throw fault("has the epoch \(header.leaderEpoch)") }
        let bytes = header.totalBytes
        guard Int64(bytes) <= left else { throw fault("says \(bytes) bytes where \(left) are left") }
        try fill(bytes)
        let view: RecordBatchView
        do throws(ByteFault) { view = try RecordBatchView(window(bytes)) } catch { throw fault("\(error)") }
        guard view.isIntact else { throw fault("the checksum does not match") }
        body(view)
        position += Int64(bytes)
        offset = view.header.nextOffset
        return true
    }

    private func fault(_ reason: String) -> Failing {
        .frame(FrameFault(position: position, offset: offset, reason: reason))
    }

    private func window(_ count: Int) -> UnsafeRawBufferPointer {
        let start = Int(position - bufferStart)
        return UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[start..<start + count])
    }

    /// Makes `count` bytes from `position` on available.
    private mutating func fill(_ count: Int) throws(Failing) {
        if position >= bufferStart, position + Int64(count) <= bufferStart + Int64(bufferCount) { return }
        if count > buffer.count {
            buffer.deallocate()
            buffer = .allocate(byteCount: count, alignment: 16)
        }
        let wanted = Int(min(Int64(buffer.count), limit - position))
        do throws(IOFault) {
            bufferCount = try file.read(
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: position)
        } catch { throw .io(error) }
        bufferStart = position
        guard bufferCount >= count else { throw fault("the file ends after \(bufferCount) of \(count) bytes") }
    }
}
