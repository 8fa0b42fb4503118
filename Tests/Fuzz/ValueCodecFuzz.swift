// fuzz-modules: MillraceCore MillraceTables
import MillraceCore
import MillraceTables

/// CQL's value encoding: no trap, what is read can be written, and reads back the same; as JSON too.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: start, count: count)
    guard count > 2 else { return 0 }
    let scalars = ColumnType.scalars.map(\.type)
    let (x, y) = (scalars[Int(input[1]) % scalars.count], scalars[Int(input[1]) / scalars.count % scalars.count])
    let type: ColumnType =
        switch input[0] % 8 {
        case 0: .list(x, frozen: false)
        case 1: .set(x, frozen: true)
        case 2: .map(x, y, frozen: false)
        case 3: .tuple([x, y])
        case 4: .map(.tuple([x, y]), .list(y, frozen: true), frozen: true)
        default: x
        }
    guard let value = try? ValueCodec.decode(UnsafeRawBufferPointer(rebasing: input[2...]), as: type) else { return 0 }
    guard let bytes = try? ValueCodec.encode(value, as: type), let again = try? ValueCodec.decode(bytes, as: type)
    else { preconditionFailure("a value was read that cannot be written") }
    precondition(again == value, "a value changed by being written")
    // Text keeps no bits of a NaN, and two that only look the same are two names in an object.
    let json = ValueJSON.text(value, as: type)
    if json.utf8.count < 4_096, !json.contains("NaN"), let tree = try? JSONParser.parse(json) {
        guard let back = try? ValueJSON.value(tree, as: type), let text = try? ValueCodec.encode(back, as: type) else {
            preconditionFailure("the JSON of a value cannot be read: \(json)")
        }
        precondition(text == bytes, "a value changed by being JSON: \(json)")
    }
    return 0
}
