#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// `memcmp`, under a name that says what it gives.
@inline(__always)
func memoryOrder(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ count: Int) -> Int { Int(memcmp(a, b, count)) }

/// Memory that C frees with `free`.
@inline(__always)
func foreignAllocation(_ count: Int) -> UnsafeMutableRawPointer? { malloc(max(1, count)) }
@inline(__always)
func foreignFree(_ pointer: UnsafeMutableRawPointer?) { free(pointer) }
