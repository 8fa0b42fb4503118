internal import Synchronization

/// How often values of which size came: log-linear buckets, so that any quantile is right within 1/32 of itself.
///
/// Sixteen buckets per power of two. Values below 16 are exact; negative ones count as zero. Recording costs a few
/// nanoseconds and no lock; reading copies the counts and merges with others. One takes about 8 KB.
public final class Histogram: @unchecked Sendable {
    // Sendable because `buckets` points to atomics, is set once, and lives as long as the histogram.
    private let buckets: UnsafeMutablePointer<Atomic<UInt64>>
    private let total = Counter()
    private let largest = Atomic<Int64>(0)

    public init() {
        buckets = .allocate(capacity: HistogramBuckets.count)
        for i in 0..<HistogramBuckets.count { (buckets + i).initialize(to: Atomic(0)) }
    }
    deinit {
        buckets.deinitialize(count: HistogramBuckets.count)
        buckets.deallocate()
    }

    /// The unit is the caller's; say it in the metric's name (`_nanoseconds`, `_bytes`).
    public func record(_ value: Int64, times: Int = 1) {
        precondition(times >= 0, "a value cannot occur less than never")
        let value = max(0, value)
        buckets[HistogramBuckets.index(of: value)].wrappingAdd(UInt64(times), ordering: .relaxed)
        total.add(Int(truncatingIfNeeded: value &* Int64(times)))
        if value > largest.load(ordering: .relaxed) { largest.max(value, ordering: .relaxed) }
    }

    public func snapshot() -> HistogramSnapshot {
        var counts = [UInt64](repeating: 0, count: HistogramBuckets.count)
        for i in 0..<HistogramBuckets.count { counts[i] = buckets[i].load(ordering: .relaxed) }
        return HistogramSnapshot(counts: counts, sum: total.value, maximum: largest.load(ordering: .relaxed))
    }
}

/// The counts of a histogram at one moment. Snapshots of several histograms can be merged.
public struct HistogramSnapshot: Sendable, Equatable {
    private var counts: [UInt64]
    /// Of all values, exactly.
    public private(set) var sum: Int64
    /// The largest value, exactly; 0 when there is none.
    public private(set) var maximum: Int64

    public init() { self.init(counts: [UInt64](repeating: 0, count: HistogramBuckets.count), sum: 0, maximum: 0) }
    init(counts: [UInt64], sum: Int64, maximum: Int64) {
        (self.counts, self.sum, self.maximum) = (counts, sum, maximum)
    }

    public var count: UInt64 { counts.reduce(0, &+) }
    public var mean: Double { count == 0 ? 0 : Double(sum) / Double(count) }

    public mutating func merge(_ other: HistogramSnapshot) {
        for i in counts.indices { counts[i] &+= other.counts[i] }
        sum &+= other.sum
        maximum = max(maximum, other.maximum)
    }

    /// The value that `quantile` (0...1) of all values do not exceed, within 1/32 of itself; 0 when there are none.
    public func value(at quantile: Double) -> Int64 {
        let count = count
        guard count > 0 else { return 0 }
        let rank = max(1, UInt64((min(max(quantile, 0), 1) * Double(count)).rounded(.up)))
        var seen: UInt64 = 0
        for (index, inBucket) in counts.enumerated() where inBucket > 0 {
            seen &+= inBucket
            if seen >= min(rank, count) { return min(maximum, HistogramBuckets.middle(of: index)) }
        }
        return maximum
    }

    /// How many values are at most `bound`, where `bound` is rounded to the end of its bucket.
    public func count(upTo bound: Int64) -> UInt64 {
        guard bound >= 0 else { return 0 }
        return counts[...HistogramBuckets.index(of: bound)].reduce(0, &+)
    }
}

/// The arithmetic of the buckets: 16 for the values 0...15, then 16 for each power of two up to 2^62.
enum HistogramBuckets {
    static let bits = 4
    static let perPower = 1 << bits
    static let count = (64 - bits) * perPower

    static func index(of value: Int64) -> Int {
        if value < perPower { return Int(value) }
        let power = 63 - value.leadingZeroBitCount
        return (power - bits + 1) << bits + Int((value >> (power - bits)) & Int64(perPower - 1))
    }
    static func lowest(of index: Int) -> Int64 {
        if index < perPower { return Int64(index) }
        return Int64(perPower + index & (perPower - 1)) << (index >> bits - 1)
    }
    static func width(of index: Int) -> Int64 { index < perPower ? 1 : 1 << (index >> bits - 1) }
    static func middle(of index: Int) -> Int64 { lowest(of: index) + (width(of: index) - 1) / 2 }
}
