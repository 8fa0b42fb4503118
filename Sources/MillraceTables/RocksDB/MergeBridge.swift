import CRocksDB
import MillraceCore

/// RocksDB's merge operator for rows and range deletions. Called on RocksDB's threads and on readers'.
///
/// A full merge knows all there is of its key, so what may be purged is purged there; a partial one forgets nothing.
/// The rules are retained until RocksDB destroys the operator.
func makeMergeOperator(_ rules: PurgeRules) -> OpaquePointer? {
    rocksdb_mergeoperator_create(
        Unmanaged.passRetained(rules).toOpaque(),
        { state in
            if let state { Unmanaged<PurgeRules>.fromOpaque(state).release() }
        },
        { state, key, keyLength, existing, existingLength, operands, lengths, count, success, newLength in
            guard let state else { return nil }
            let rules = Unmanaged<PurgeRules>.fromOpaque(state).takeUnretainedValue()
            let key = UnsafeRawBufferPointer(start: key, count: keyLength)
            return mergeForeign(
                existing, existingLength, operands, lengths, Int(count), success, newLength, (rules, key))
        },
        { _, _, _, operands, lengths, count, success, newLength in
            mergeForeign(nil, 0, operands, lengths, Int(count), success, newLength, nil)
        },
        { _, value, _ in foreignFree(UnsafeMutableRawPointer(mutating: value)) },
        { _ in mergeOperatorName.chars })
}

private func mergeForeign(
    _ existing: UnsafePointer<CChar>?, _ existingLength: Int,
    _ operands: UnsafePointer<UnsafePointer<CChar>?>?, _ lengths: UnsafePointer<Int>?, _ count: Int,
    _ success: UnsafeMutablePointer<UInt8>?, _ newLength: UnsafeMutablePointer<Int>?,
    _ purge: (rules: PurgeRules, key: UnsafeRawBufferPointer)?
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
            var merged = try StoredMerge.merge(base, count: count, operand)
            if let purge { purge.rules.trim(&merged, purge.key) }
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
