// fuzz-modules: MillraceCore MillraceTables
// fuzz-seconds: 60
import MillraceCore
@_spi(Proof) import MillraceTables

/// A paging state comes from a client: any bytes, with and without a right checksum.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: start, count: count)
    _ = TablesProof.isPage(Array(input))
    var writer = ByteWriter()
    writer.raw(input)
    writer.integer(CRC32C.of(input))
    if TablesProof.isPage(writer.bytes) {
        var damaged = writer.bytes
        damaged[count / 2] ^= 1
        precondition(!TablesProof.isPage(damaged), "a changed paging state was taken")
    }
    return 0
}
