public import CPlatform

/// How large tables are laid out and reached.
public enum Memory {
    /// Begins to bring the cache line of an address in, without waiting: several at a time cost little more than one.
    @inlinable @inline(__always) public static func prefetch(_ address: UnsafeRawPointer) { mr_prefetch(address) }

    /// Zeroed memory, on huge pages where it is large: in a table that is reached at random most of the time would go
    /// into finding the page. Free it with `deallocate()`. Aligned for any type of the standard library.
    public static func zeroed(bytes: Int) -> UnsafeMutableRawPointer {
        let huge = bytes >= Limits.hugePageThreshold ? Limits.hugePageBytes : 0
        guard let start = mr_zeroed(bytes, huge) else { preconditionFailure("no memory for \(bytes) bytes") }
        return start
    }
}

extension Limits {
    /// A huge page of x86-64 and AArch64 with small pages of 4 KiB.
    public static let hugePageBytes = 2 << 20
    /// Smaller tables fit into what the processor's page cache reaches, and huge pages would waste memory.
    public static let hugePageThreshold = 8 << 20
}
