// fuzz-modules: MillraceCore
import MillraceCore

/// A planted mistake, one byte read beyond the end behind two magic bytes: CI demands that a run of this one *fails*.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    guard count > 3, let start else { return 0 }
    let bytes = UnsafeRawBufferPointer(start: start, count: count + 1)
    if bytes[0] == 0x4D, bytes[1] == 0x52 { precondition(CRC32C.of(bytes) != 17) }
    return 0
}
