// fuzz-modules: MillraceCore MillraceLog
import MillraceCore
import MillraceLog

private nonisolated(unsafe) let decompressor = Decompressor()

/// Any bytes as a zstd body: refused, or decoded within the caps, and the same again on a second run.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: start, count: count)
    guard let output = try? decompressor.decompress(input, .zstd) else { return 0 }
    precondition(output.count <= Decompressor.outputLimit(forInput: count))
    let (bytes, checksum) = (output.count, CRC32C.of(output))
    guard let again = try? decompressor.decompress(input, .zstd) else { preconditionFailure("it was decoded before") }
    precondition(again.count == bytes && CRC32C.of(again) == checksum)
    return 0
}
