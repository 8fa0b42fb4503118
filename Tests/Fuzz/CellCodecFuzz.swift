// fuzz-modules: MillraceCore MillraceTables
// fuzz-seconds: 60
import MillraceCore
@_spi(Proof) import MillraceTables

/// Stored rows and lists of range deletions: any bytes are read, merged and purged without a trap, and what merging
/// gives is readable when all that went in was.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: start, count: count)
    guard count > 2 else { return 0 }
    // Two lengths, then three values.
    let rest = UnsafeRawBufferPointer(rebasing: input[2...])
    let first = min(Int(input[0]), rest.count)
    let second = min(first + Int(input[1]), rest.count)
    let values = [Array(rest[..<first]), Array(rest[first..<second]), Array(rest[second...])]
    let readable = values.map { $0.withUnsafeBytes { TablesProof.isRow($0) } }
    for count in 1...3 {
        guard let merged = TablesProof.merge(Array(values[..<count])) else {
            precondition(readable[..<count].contains(false), "rows that can be read cannot be merged")
            continue
        }
        if !readable[..<count].contains(false) {
            precondition(merged.withUnsafeBytes { TablesProof.isRow($0) }, "merging gave something unreadable")
        }
    }
    for value in values where !value.isEmpty {
        if let left = TablesProof.purge(value, now: 1_000), value.withUnsafeBytes({ TablesProof.isRow($0) }) {
            precondition(left.withUnsafeBytes { TablesProof.isRow($0) }, "purging gave something unreadable")
        }
    }
    return 0
}
