import MillraceCore
import MillraceFlow
import MillraceTesting

/// A random stream with disorder, and restarts and evictions between any two steps; what a step says must be what a
/// model says that knows all records and nothing of the library.
struct RandomStream {
    var random: SeededRandom
    let seed: UInt64
    /// How far the watermark stays behind the highest time.
    let bound: Int64
    var clock: Int64 = 0
    var watermark = Int64.min / 4
    /// Between every two steps, or now and then.
    private let restartsAlways: Bool
    var keys = ["a", "b", "c", "a longer key than fits"]

    init(_ seed: UInt64, salt: UInt64) {
        self.seed = seed
        random = SeededRandom(seed: seed &+ salt &* 1_000_003)
        bound = random.chance(1, in: 3) ? 0 : Int64(random.below(6))
        restartsAlways = random.chance(1, in: 4)
    }
    var outOfOrder: TimeSpan { .microseconds(bound) }

    mutating func next(late: Int = 12) -> Click {
        clock += Int64(random.below(5))
        let behind = random.chance(1, in: 3) ? Int64(random.below(late)) : 0
        let time = clock - behind
        watermark = max(watermark, time - bound)
        return Click(
            page: keys[random.below(keys.count)], amount: random.below(60) - 20, at: EventTime(microseconds: time))
    }
    /// Some steps are a word about time instead of a record.
    mutating func isWatermark() -> Bool {
        guard random.chance(1, in: 9) else { return false }
        watermark = max(watermark, clock - Int64(random.below(4)))
        return true
    }
    mutating func disturb<P: Pipeline>(_ driver: PipelineDriver<P>) throws {
        if restartsAlways || random.chance(1, in: 6) { try driver.restart() }
        if random.chance(1, in: 6) { driver.evict() }
    }
}
