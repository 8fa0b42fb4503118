internal import MillraceCore

/// Doors for fuzzers and proofs to what no program calls.
@_spi(Proof) public enum TablesProof {
    /// Reads a stored row to its end; false when the bytes are not one.
    public static func isRow(_ bytes: UnsafeRawBufferPointer) -> Bool {
        do throws(RowFault) {
            let (head, start) = try RowHead.read(bytes)
            var cursor = start
            while try cursor.cell(base: head.base) != nil {}
            return true
        } catch {
            return false
        }
    }

    /// What RocksDB's merge operator makes of stored values in the order of their commits; nil when one is not
    /// readable.
    public static func merge(_ values: [[UInt8]]) -> [UInt8]? {
        precondition(!values.isEmpty, "nothing to merge")
        do throws(RowFault) {
            return try withExtendedLifetime(values) { () throws(RowFault) in
                let copies = values.map { value in
                    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(value.count, 1), alignment: 1)
                    copy.copyBytes(from: value)
                    return UnsafeRawBufferPointer(rebasing: copy[..<value.count])
                }
                defer { for copy in copies { copy.deallocate() } }
                return try StoredMerge.merge(nil, count: copies.count) { copies[$0] }
            }
        } catch {
            return nil
        }
    }

    /// What compaction leaves of a stored row: nil when nothing, the same bytes when all.
    public static func purge(_ bytes: [UInt8], now: Int64) -> [UInt8]? {
        do throws(RowFault) {
            switch try bytes.lending({ (raw) throws(RowFault) in
                try PurgeRules.purge(raw, PurgeRules.Table(), now: now)
            }) {
            case .keep: return bytes
            case .replace(let rest): return rest
            case .drop: return nil
            }
        } catch {
            return bytes
        }
    }

    /// Whether the bytes are taken for a paging state.
    public static func isPage(_ bytes: [UInt8]) -> Bool {
        do throws(Failure) {
            _ = try PagingState(bytes: bytes).content()
            return true
        } catch {
            return false
        }
    }
}
