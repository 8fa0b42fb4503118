import MillraceCore
import MillraceLog

/// What each producer writes, as a function of producer and sequence alone: a batch that is sent again after a crash is
/// the same batch.
enum Workload {
    static let topic = "t"

    /// Records of the batch that begins with a sequence.
    static func batchLength(_ producer: Int, _ sequence: Int32) -> Int {
        var random = random(producer, sequence)
        return 1 + Int(random.next() % 20)
    }
    static func value(_ producer: Int, _ sequence: Int32) -> [UInt8] {
        var random = random(producer, sequence)
        let filler = Int(random.next() % 200)
        return Array("\(producer):\(sequence):".utf8) + (0..<filler).map { UInt8(97 + ($0 + Int(sequence)) % 26) }
    }
    private static func random(_ producer: Int, _ sequence: Int32) -> SeededRandom {
        SeededRandom(seed: UInt64(producer) << 32 | UInt64(UInt32(bitPattern: sequence)))
    }
}
