#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A readable page in front of one that traps.
func withGuardedPage<R>(_ size: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> R) throws -> R {
    let pages = mmap(nil, size * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | mapAnonymous, -1, 0)!
    defer { munmap(pages, size * 2) }
    precondition(mprotect(pages + size, size, PROT_NONE) == 0)
    return try body(UnsafeMutableRawBufferPointer(start: pages, count: size))
}

#if canImport(Darwin)
    private let mapAnonymous = MAP_ANON
#else
    private let mapAnonymous = Int32(MAP_ANONYMOUS)
#endif
