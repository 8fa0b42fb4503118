/// Finds the name someone probably meant.
public enum Spelling {
    /// The candidate with the fewest edits, when that is few enough to be a slip; else one that the word lengthens or
    /// shortens.
    public static func nearest(to word: String, in candidates: [String]) -> String? {
        let scored = candidates.map { (name: $0, edits: distance(Array(word.utf8), Array($0.utf8))) }
        guard let best = scored.min(by: { ($0.edits, $0.name) < ($1.edits, $1.name) }) else { return nil }
        if best.edits <= max(1, word.utf8.count / 3) { return best.name }
        guard word.utf8.count >= shortest else { return nil }
        return candidates.filter { $0.utf8.count >= shortest && ($0.hasPrefix(word) || word.hasPrefix($0)) }.max {
            ($0.utf8.count, $0) < ($1.utf8.count, $1)
        }
    }

    /// Bytes that a beginning must have to say something.
    private static let shortest = 3

    /// Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other.
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var rows = [[Int]](repeating: Array(repeating: 0, count: b.count + 1), count: a.count + 1)
        for i in 0...a.count { rows[i][0] = i }
        for j in 0...b.count { rows[0][j] = j }
        guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
        for i in 1...a.count {
            for j in 1...b.count {
                let replaced = rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
                rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, replaced)
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                    rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
                }
            }
        }
        return rows[a.count][b.count]
    }
}
