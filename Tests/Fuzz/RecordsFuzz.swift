// fuzz-modules: MillraceCore MillraceLog
// fuzz-seconds: 60
import MillraceCore
import MillraceLog

private nonisolated(unsafe) let decompressor = Decompressor()

/// Any bytes behind a header made right: records, headers and control records are read or refused, and what was read
/// and copied reads the same again.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    guard count >= BatchHeader.byteCount else { return 0 }
    var bytes = [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    // Length, magic and checksum are made right, or the fuzzer would never get past them.
    bytes.withUnsafeMutableBytes { raw in
        raw.storeBytes(of: Int32(count - BatchHeader.lengthPrefix).bigEndian, toByteOffset: 8, as: Int32.self)
        raw[16] = 2
        let checksum = CRC32C.of(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(raw)[21...]))
        raw.storeBytes(of: checksum.bigEndian, toByteOffset: 17, as: UInt32.self)
    }
    bytes.withUnsafeBytes { raw in
        guard let view = try? RecordBatchView(raw) else { return }
        precondition(view.isIntact)
        _ = try? view.controlRecord()
        guard (try? view.validateRecords(using: decompressor, dense: false)) != nil else { return }
        check(view)
    }
    return 0
}

private func check(_ view: RecordBatchView) {
    var properties = RecordBatchBuilder.Properties(of: view.header)
    properties.compression = .none
    let builder = RecordBatchBuilder(properties)
    var (count, sum) = (0, 0)
    walk(view) { record in
        precondition(record.offset >= view.header.baseOffset && record.offset <= view.header.lastOffset)
        (count, sum) = (count + 1, sum &+ digest(record))
        guard (try? builder.append(copying: record)) != nil else { preconditionFailure("it was in a batch before") }
    }
    precondition(count == Int(view.header.recordCount))
    let copy = builder.finish(lastOffsetDelta: view.header.lastOffsetDelta)
    precondition(copy.header.nextOffset == view.header.nextOffset)
    copy.bytes.withUnsafeBytes { raw in
        guard let again = try? RecordBatchView(raw) else { preconditionFailure("a builder's batch is a batch") }
        var same = 0
        walk(again) { same = same &+ digest($0) }
        // Under the log's own time every record has the batch's, which copying keeps.
        precondition(same == sum)
    }
}
private func walk(_ view: RecordBatchView, _ body: (RecordView) -> Void) {
    do throws(ByteFault) {
        var cursor = try view.records(using: decompressor)
        while let record = try cursor.next() { body(record) }
    } catch { preconditionFailure("it was validated: \(error)") }
}
private func digest(_ record: RecordView) -> Int {
    var hasher = Int(truncatingIfNeeded: record.offset &* 31 &+ record.milliseconds) &+ record.headerCount
    for part in [record.key, record.value, record.headerBytes] {
        hasher = hasher &* 31 &+ (part.map { Int(CRC32C.of($0)) &+ $0.count } ?? -1)
    }
    return hasher
}
