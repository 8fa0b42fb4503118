// fuzz-modules: MillraceCore
import MillraceCore

/// Any calls on any bytes: the first half of the input says which calls, the second is read.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: start, count: count)
    let script = UnsafeRawBufferPointer(rebasing: input[..<(count / 2)])
    let data = UnsafeRawBufferPointer(rebasing: input[(count / 2)...])
    var reader = ByteReader(data)
    var sum: UInt64 = 0
    for step in script {
        let size = Int(Int8(bitPattern: step)) / 8
        do throws(ByteFault) {
            switch step & 7 {
            case 0: sum &+= UInt64(try reader.byte())
            case 1: sum &+= try reader.integer(UInt64.self)
            case 2: sum &+= UInt64(bitPattern: try reader.varint())
            case 3: sum &+= UInt64(truncatingIfNeeded: try reader.varint32())
            case 4: for byte in try reader.take(size) { sum &+= UInt64(byte) }
            case 5: sum &+= UInt64(try reader.text(size).utf8.count)
            case 6: try reader.seek(to: size)
            default:
                let count = try reader.integer(Int32.self)
                _ = try reader.checked(count: count, minimumElementBytes: 1, limit: 1 << 20)
            }
        } catch { sum &+= UInt64(error.position) }
        precondition(reader.position >= 0 && reader.position <= data.count)
    }
    let crc = CRC32C.of(data, continuing: UInt32(truncatingIfNeeded: sum))
    precondition(crc == CRC32C.portable(data, continuing: UInt32(truncatingIfNeeded: sum)))
    return 0
}
