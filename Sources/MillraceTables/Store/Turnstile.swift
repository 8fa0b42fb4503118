#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A mutex that may be held while waiting for the disk, and a signal. Only for threads we own.
final class Turnstile: @unchecked Sendable {
    // Sendable because pthread's mutex and condition are made for use from any thread.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    init() {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        condition = .allocate(capacity: 1)
        condition.initialize(to: pthread_cond_t())
        let codes = (pthread_mutex_init(mutex, nil), pthread_cond_init(condition, nil))
        precondition(codes == (0, 0), "pthread could not make a mutex or condition: \(codes)")
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func locked<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }
    /// Only inside `locked`; lets others in while it waits.
    func wait() { pthread_cond_wait(condition, mutex) }
    /// Only inside `locked`.
    func wakeAll() { pthread_cond_broadcast(condition) }
}

/// Lets other threads go on for a moment; for the rare wait that nobody signals.
func pause(milliseconds: Int32) { _ = poll(nil, 0, milliseconds) }
