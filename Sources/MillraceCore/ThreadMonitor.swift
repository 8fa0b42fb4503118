#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A mutex around a value with a condition to wait on: for threads that we own. Never wait on the cooperative pool.
///
/// Deadlines are real monotonic time: what must run on simulated time uses a `RuntimeClock` instead.
public final class ThreadMonitor<Value>: @unchecked Sendable {
    // Sendable because every access to `value` happens while `mutex` is held.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var value: Value

    public init(_ value: sending Value) {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        var code = pthread_mutex_init(mutex, nil)
        precondition(code == 0, "pthread_mutex_init failed with \(code)")
        condition = .allocate(capacity: 1)
        condition.initialize(to: pthread_cond_t())
        #if os(Linux)
            var attributes = pthread_condattr_t()
            pthread_condattr_init(&attributes)
            pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
            code = pthread_cond_init(condition, &attributes)
            pthread_condattr_destroy(&attributes)
        #else
            code = pthread_cond_init(condition, nil)
        #endif
        precondition(code == 0, "pthread_cond_init failed with \(code)")
        self.value = value
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    public func withLock<R, E: Error>(_ body: (inout Value) throws(E) -> sending R) throws(E) -> sending R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }

    /// Wakes one waiting thread.
    public func signal() { pthread_cond_signal(condition) }
    /// Wakes every waiting thread.
    public func broadcast() { pthread_cond_broadcast(condition) }

    /// What a waiting thread wants after it has looked at the value.
    public enum Step<R> {
        case done(R)
        /// Sleep until a signal, or until the time, and look again.
        case wait(until: MonotonicTime?)
    }

    /// Looks at the value under the lock, again after each signal, until `look` is done.
    public func wait<R>(_ look: (inout Value) -> Step<R>) -> sending R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            switch look(&value) {
            case .done(let result):
                // Safe to send: `look` is bound by the same rule as `withLock`'s body.
                nonisolated(unsafe) let result = result
                return result
            case .wait(until: nil): pthread_cond_wait(condition, mutex)
            case .wait(until: let deadline?): sleep(until: deadline)
            }
        }
    }

    private func sleep(until deadline: MonotonicTime) {
        #if os(Linux)
            let end = max(0, deadline.nanoseconds)
            var time = timespec(tv_sec: Int(end / 1_000_000_000), tv_nsec: Int(end % 1_000_000_000))
            pthread_cond_timedwait(condition, mutex, &time)
        #else
            let left = max(0, deadline.nanoseconds.saturating(minus: SystemClock.monotonic().nanoseconds))
            var time = timespec(tv_sec: Int(left / 1_000_000_000), tv_nsec: Int(left % 1_000_000_000))
            pthread_cond_timedwait_relative_np(condition, mutex, &time)
        #endif
    }
}
