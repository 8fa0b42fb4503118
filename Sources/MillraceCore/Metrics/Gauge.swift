internal import Synchronization

/// A number that is set, or moves both ways: a size, a lag, a count of what is open.
public final class Gauge: Sendable {
    private let current = Atomic<Int64>(0)

    public init() {}

    public func set(_ value: Int64) { current.store(value, ordering: .relaxed) }
    public func add(_ amount: Int64) { current.wrappingAdd(amount, ordering: .relaxed) }
    public var value: Int64 { current.load(ordering: .relaxed) }
}
