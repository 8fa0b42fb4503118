// fuzz-modules: MillraceCore MillraceLog
// fuzz-seconds: 60
import MillraceCore
@testable import MillraceLog

/// Any payload under a right checksum: refused, or a producers' state that is read again from what it writes.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    let input = [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    _ = try? PartitionSnapshot(decoding: input)
    _ = try? TopicMetadata(decoding: input)
    let file = CheckedFile(magic: "MRSTATE\n", version: 1).encode(input)
    guard let state = try? PartitionSnapshot(decoding: file) else { return 0 }
    let written = state.encode()
    guard let again = try? PartitionSnapshot(decoding: written) else { preconditionFailure("we wrote it") }
    precondition(again.encode() == written)
    return 0
}
