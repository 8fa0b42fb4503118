import CRocksDB
import MillraceCore

/// RocksDB's merge operator for rows and range deletions. Called on RocksDB's threads and on readers'; stateless.
func makeMergeOperator() -> OpaquePointer? {
    rocksdb_mergeoperator_create(
        nil, { _ in },
        { _, _, _, existing, existingLength, operands, lengths, count, success, newLength in
            mergeForeign(existing, existingLength, operands, lengths, Int(count), success, newLength)
        },
        { _, _, _, operands, lengths, count, success, newLength in
            mergeForeign(nil, 0, operands, lengths, Int(count), success, newLength)
        },
        { _, value, _ in foreignFree(UnsafeMutableRawPointer(mutating: value)) },
        { _ in mergeOperatorName.chars })
}

private func mergeForeign(
    _ existing: UnsafePointer<CChar>?, _ existingLength: Int,
    _ operands: UnsafePointer<UnsafePointer<CChar>?>?, _ lengths: UnsafePointer<Int>?, _ count: Int,
    _ success: UnsafeMutablePointer<UInt8>?, _ newLength: UnsafeMutablePointer<Int>?
) -> UnsafeMutablePointer<CChar>? {
    do throws(RowFault) {
        guard let operands, let lengths, count > 0 else { throw RowFault() }
        func operand(_ i: Int) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(start: operands[i], count: lengths[i])
        }
        let base = existing.map { UnsafeRawBufferPointer(start: $0, count: existingLength) }
        let result: UnsafeMutablePointer<CChar>?
        if base == nil, count == 1 {
            result = foreignCopy(operand(0))
            newLength?.pointee = lengths[0]
        } else {
            let merged = try StoredMerge.merge(base, count: count, operand)
            result = merged.withUnsafeBytes { foreignCopy($0) }
            newLength?.pointee = merged.count
        }
        success?.pointee = 1
        return result
    } catch {
        // RocksDB reports it as corruption to whoever reads, and stops a compaction: nothing is dropped.
        success?.pointee = 0
        newLength?.pointee = 0
        return nil
    }
}

private func foreignCopy(_ bytes: UnsafeRawBufferPointer) -> UnsafeMutablePointer<CChar>? {
    guard let memory = foreignAllocation(bytes.count) else { return nil }
    if let base = bytes.baseAddress { memory.copyMemory(from: base, byteCount: bytes.count) }
    return memory.assumingMemoryBound(to: CChar.self)
}

/// A C string that lives as long as the process, for the names RocksDB writes into its manifest.
struct ForeignName: @unchecked Sendable {
    // Sendable because the memory is never written after `init` nor freed.
    let chars: UnsafePointer<CChar>
    init(_ name: StaticString) {
        chars = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    }
}

/// Part of the format: RocksDB refuses a store whose operator has another name.
let mergeOperatorName = ForeignName("millrace.rows.1")
let purgeFilterName = ForeignName("millrace.purge.1")
