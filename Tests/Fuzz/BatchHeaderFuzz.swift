// fuzz-modules: MillraceCore MillraceLog
// fuzz-seconds: 60
import MillraceCore
import MillraceLog

/// A header that is accepted is sane, and is written back to the same bytes.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: start, count: count)
    if let total = BatchHeader.totalBytes(peeking: input) {
        precondition(total >= BatchHeader.byteCount && total <= Limits.batchBytes)
    }
    guard let header = try? BatchHeader(input) else { return 0 }
    precondition(header.nextOffset > header.baseOffset && header.totalBytes <= Limits.batchBytes)
    precondition(header.lastSequence >= -1 && header.maxTimestamp <= .distantFuture)
    let target = UnsafeMutableRawBufferPointer.allocate(byteCount: BatchHeader.byteCount, alignment: 8)
    defer { target.deallocate() }
    if let base = target.baseAddress { header.encode(into: base) }
    precondition(target.elementsEqual(input.prefix(BatchHeader.byteCount)))
    return 0
}
