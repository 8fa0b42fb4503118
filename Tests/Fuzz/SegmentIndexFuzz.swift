// fuzz-modules: MillraceCore MillraceLog
// fuzz-seconds: 60
import MillraceCore
@testable import MillraceLog

private let name = SegmentName(base: 42, epoch: 3, generation: 1)

/// Any payload under a right checksum: refused, or an index that is written back to the same bytes.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    let input = [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    _ = try? SegmentIndex.decode(input, for: name)
    var payload = ByteWriter(capacity: 16 + count)
    payload.integer(name.base)
    payload.integer(name.epoch)
    payload.integer(name.generation)
    payload.raw(input)
    let file = CheckedFile(magic: "MRINDEX\n", version: 1).encode(payload.bytes)
    guard let (index, end) = try? SegmentIndex.decode(file, for: name) else { return 0 }
    precondition(index.encode(for: name, endOffset: end) == file)
    return 0
}
