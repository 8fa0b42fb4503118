internal import MillraceCore

/// Looks behind a damaged place for the next batch that is whole.
enum FrameSearch {
    struct Found {
        var position: Int64
        var offset: Int64
        var end: Int64
    }

    /// The first intact batch of this segment at or after `position` whose base offset is above `offset`, or nil.
    static func next(
        in file: any StorageFile, _ name: SegmentName, from position: Int64, above offset: Int64, limit: Int64
    ) throws(IOFault) -> Found? {
        let header = BatchHeader.byteCount
        let window = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.scanWindowBytes, alignment: 16)
        defer { window.deallocate() }
        var start = position
        while start + Int64(header) <= limit {
            let count = try file.read(
                into: UnsafeMutableRawBufferPointer(rebasing: window[..<Int(min(Int64(window.count), limit - start))]),
                at: start)
            guard count >= header else { return nil }
            for lead in 0...count - header {
                // Cheapest first: magic, epoch, then the whole header, then the checksum.
                let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(window)[lead..<count])
                guard bytes[16] == 2,
                    Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: 12, as: Int32.self)) == name.epoch,
                    let found = try candidate(bytes, in: file, at: start + Int64(lead), above: offset, limit: limit)
                else { continue }
                return found
            }
            start += Int64(count - header + 1)
        }
        return nil
    }

    private static func candidate(
        _ bytes: UnsafeRawBufferPointer, in file: any StorageFile, at position: Int64, above offset: Int64, limit: Int64
    ) throws(IOFault) -> Found? {
        let header: BatchHeader
        do throws(ByteFault) { header = try BatchHeader(bytes) } catch { return nil }
        guard header.baseOffset > offset, position + Int64(header.totalBytes) <= limit else { return nil }
        let whole = UnsafeMutableRawBufferPointer.allocate(byteCount: header.totalBytes, alignment: 16)
        defer { whole.deallocate() }
        guard try file.read(into: whole, at: position) == whole.count else { return nil }
        guard RecordBatchView(header: header, bytes: UnsafeRawBufferPointer(whole)).isIntact else { return nil }
        let end = position + Int64(header.totalBytes)
        // A batch inside a record's value may be intact too, but what follows it does not continue its offsets.
        if end < limit, try !continues(in: file, at: end, offset: header.nextOffset, epoch: header.leaderEpoch) {
            return nil
        }
        return Found(position: position, offset: header.baseOffset, end: header.nextOffset)
    }

    private static func continues(
        in file: any StorageFile, at position: Int64, offset: Int64, epoch: Int32
    ) throws(IOFault) -> Bool {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: BatchHeader.byteCount, alignment: 16)
        defer { bytes.deallocate() }
        let count = try file.read(into: bytes, at: position)
        do throws(ByteFault) {
            let next = try BatchHeader(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            return next.baseOffset == offset && next.leaderEpoch == epoch
        } catch {
            // The tail may be torn right behind a whole batch.
            return true
        }
    }
}
