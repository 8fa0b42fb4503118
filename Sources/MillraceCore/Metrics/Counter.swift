internal import CPlatform
internal import Synchronization

/// A number that only grows, for metrics. Adding costs one uncontended atomic addition; reading sums the stripes.
///
/// Threads are spread over stripes on cache lines of their own, so that two lanes do not fight over one line.
public final class Counter: @unchecked Sendable {
    // Sendable because `stripes` points to atomics, is set once, and lives as long as the counter.
    private let stripes: UnsafeMutablePointer<Stripe>
    /// A power of two; about as many as a machine of our size has cores.
    private static let stripeCount = 8

    /// Two cache lines: the neighbour is fetched along with a line.
    private struct Stripe: ~Copyable {
        let value = Atomic<Int64>(0)
        let padding: (Int64, Int64, Int64, Int64, Int64, Int64, Int64) = (0, 0, 0, 0, 0, 0, 0)
        let more: (Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64) = (0, 0, 0, 0, 0, 0, 0, 0)
    }

    public init() {
        stripes = .allocate(capacity: Self.stripeCount)
        for i in 0..<Self.stripeCount { (stripes + i).initialize(to: Stripe()) }
    }
    deinit {
        stripes.deinitialize(count: Self.stripeCount)
        stripes.deallocate()
    }

    /// Wraps at the ends of `Int64`, which no counter of ours reaches.
    public func add(_ amount: Int) {
        let stripe = Int(mr_thread_stripe()) & (Self.stripeCount - 1)
        stripes[stripe].value.wrappingAdd(Int64(amount), ordering: .relaxed)
    }
    public func increment() { add(1) }

    /// Everything added so far by calls that have returned, and perhaps some of those that have not.
    public var value: Int64 {
        var sum: Int64 = 0
        for i in 0..<Self.stripeCount { sum &+= stripes[i].value.load(ordering: .relaxed) }
        return sum
    }
}
