/// Finds the name someone probably meant.
enum Spelling {
    /// The candidate with the fewest edits, when that is few enough to be a slip.
    static func nearest(to word: String, in candidates: [String]) -> String? {
        let scored = candidates.map { (name: $0, edits: distance(Array(word.utf8), Array($0.utf8))) }
        guard let best = scored.min(by: { ($0.edits, $0.name) < ($1.edits, $1.name) }) else { return nil }
        return best.edits <= max(2, word.utf8.count / 3) ? best.name : nil
    }

    /// Insertions, deletions and substitutions that turn one word into the other (Levenshtein).
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var previous = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var current = [i + 1]
            for (j, y) in b.enumerated() {
                current.append(min(previous[j] + (x == y ? 0 : 1), previous[j + 1] + 1, current[j] + 1))
            }
            previous = current
        }
        return previous[b.count]
    }
}
