// fuzz-modules: MillraceCore MillraceTables
// fuzz-seconds: 60
import MillraceCore
import MillraceTables

/// The first bytes choose a type, the rest is read as a key of it: no trap, and whatever is read has that one encoding.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: start, count: count)
    guard count > 2 else { return 0 }
    let order: SortOrder = input[0] & 1 == 0 ? .ascending : .descending
    let type = FuzzType.pick(input[0] >> 1, input[1])
    let key = UnsafeRawBufferPointer(rebasing: input[2...])
    var decoder = KeyDecoder(key)
    guard let value = try? decoder.value(as: type, order: order) else { return 0 }
    var writer = ByteWriter()
    guard (try? KeyEncoder.encode(value, as: type, order: order, into: &writer)) != nil else {
        preconditionFailure("a key was read that cannot be written")
    }
    precondition(writer.bytes.elementsEqual(key[..<decoder.position]), "a second encoding of the same key")
    var skipper = KeyDecoder(key)
    try? skipper.skip(type, order: order)
    precondition(skipper.position == decoder.position, "skipping went elsewhere than reading")
    return 0
}

enum FuzzType {
    static let scalars = ColumnType.scalars.map(\.type)
    static func pick(_ a: UInt8, _ b: UInt8) -> ColumnType {
        let (x, y) = (scalars[Int(b) % scalars.count], scalars[Int(b) / scalars.count % scalars.count])
        switch a % 8 {
        case 0: return .list(x, frozen: true)
        case 1: return .set(x, frozen: true)
        case 2: return .map(x, y, frozen: true)
        case 3: return .tuple([x, y, .text])
        case 4: return .list(.tuple([.set(x, frozen: true), y]), frozen: true)
        default: return x
        }
    }
}
