import CRocksDB
import MillraceCore

/// RocksDB's compaction filter around our rules. Called on its compaction threads, for values but not for operands.
///
/// The rules are retained until RocksDB destroys the filter.
func makePurgeFilter(_ rules: PurgeRules) -> OpaquePointer {
    rocksdb_compactionfilter_create(
        Unmanaged.passRetained(rules).toOpaque(),
        { state in
            if let state { Unmanaged<PurgeRules>.fromOpaque(state).release() }
        },
        { state, _, key, keyLength, value, valueLength, newValue, newLength, changed in
            guard let state else { return 0 }
            let rules = Unmanaged<PurgeRules>.fromOpaque(state).takeUnretainedValue()
            let key = UnsafeRawBufferPointer(start: key, count: keyLength)
            switch rules.verdict(key, UnsafeRawBufferPointer(start: value, count: valueLength)) {
            case .keep: return 0
            case .drop: return 1
            case .replace(let bytes):
                // RocksDB frees it with `free` (c.cc), so it has to come from `malloc`.
                guard let memory = foreignAllocation(bytes.count) else { return 0 }
                bytes.withUnsafeBytes {
                    memory.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(memory), byteCount: $0.count)
                }
                newValue?.pointee = memory.assumingMemoryBound(to: CChar.self)
                newLength?.pointee = bytes.count
                changed?.pointee = 1
                return 0
            }
        },
        { _ in purgeFilterName.chars })
}
