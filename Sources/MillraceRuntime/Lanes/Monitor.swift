#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A mutex with a condition, for threads of our own that wait for work.
final class Monitor<Value>: @unchecked Sendable {
    // Sendable because every access to `value` happens while `mutex` is held.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    /// Behind a pointer: while one thread waits inside `wait`, others change it.
    private let value: UnsafeMutablePointer<Value>

    init(_ value: sending Value) {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        condition = .allocate(capacity: 1)
        condition.initialize(to: pthread_cond_t())
        self.value = .allocate(capacity: 1)
        self.value.initialize(to: value)
        let code = pthread_mutex_init(mutex, nil) + pthread_cond_init(condition, nil)
        precondition(code == 0, "a mutex or condition could not be made: \(code)")
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        value.deinitialize(count: 1)
        value.deallocate()
        condition.deallocate()
        mutex.deallocate()
    }

    func withLock<R>(_ body: (inout Value) -> sending R) -> sending R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(&value.pointee)
    }

    /// Blocks the calling thread until `take` gives something. Asked again after each `signal`.
    func wait<R>(_ take: (inout Value) -> sending R?) -> sending R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let taken = take(&value.pointee) { return taken }
            pthread_cond_wait(condition, mutex)
        }
    }

    /// Wakes one waiting thread.
    func signal() { pthread_cond_signal(condition) }
    /// Wakes all waiting threads.
    func broadcast() { pthread_cond_broadcast(condition) }
}
