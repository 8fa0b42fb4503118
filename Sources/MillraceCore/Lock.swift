public import CPlatform

/// A plain mutex around a value.
///
/// Not `Synchronization.Mutex`: on Linux its priority-inheritance futex hands the lock over in the kernel and collapses
/// under contention by two orders of magnitude. Hold it for a few instructions, never across a call that may block.
public final class Lock<Value>: @unchecked Sendable {
    // Sendable because every access to `value` happens while `mutex` is held.
    @usableFromInline let mutex: UnsafeMutableRawPointer
    @usableFromInline var value: Value

    public init(_ value: sending Value) {
        guard let mutex = mr_mutex_make() else { preconditionFailure("no memory for a mutex") }
        self.mutex = mutex
        self.value = value
    }

    deinit { mr_mutex_free(mutex) }

    // Inlinable, so that a short critical section is specialised where it is used.
    @inlinable public func withLock<R, E: Error>(
        _ body: (inout Value) throws(E) -> sending R
    ) throws(E) -> sending R {
        mr_mutex_lock(mutex)
        defer { mr_mutex_unlock(mutex) }
        return try body(&value)
    }
}
