/// What a segment file's name says: its first offset, the leader epoch of all its batches, how often it was compacted.
///
/// `00000000000000000042.e3.g0.log`. Kafka's tools read the offset up to the first dot and the suffix; the epoch is
/// here because nothing else in a file of bare batches could check it, the generation so that a compacted file never
/// bears the name of the one that it replaces, and an index never fits the wrong one.
struct SegmentName: Hashable, Comparable, Sendable {
    var base: Int64
    var epoch: Int32
    var generation: UInt32

    var stem: String {
        let digits = String(base)
        return String(repeating: "0", count: max(0, 20 - digits.utf8.count)) + digits + ".e\(epoch).g\(generation)"
    }
    var log: String { stem + ".log" }
    var index: String { stem + ".index" }

    init(base: Int64, epoch: Int32, generation: UInt32 = 0) {
        (self.base, self.epoch, self.generation) = (base, epoch, generation)
    }

    /// Nil for every other file.
    init?(_ name: String, suffix: String = "log") {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0].utf8.count == 20, parts[3] == suffix, parts[1].first == "e",
            parts[2].first == "g", let base = Int64(parts[0]), let epoch = Int32(parts[1].dropFirst()),
            let generation = UInt32(parts[2].dropFirst()), base >= 0, epoch >= 0
        else { return nil }
        self.init(base: base, epoch: epoch, generation: generation)
        // One spelling only: "+1" and "01" are numbers too.
        guard stem + "." + suffix == name else { return nil }
    }

    static func < (a: SegmentName, b: SegmentName) -> Bool {
        (a.base, a.epoch, a.generation) < (b.base, b.epoch, b.generation)
    }
}
