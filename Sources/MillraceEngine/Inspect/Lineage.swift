internal import MillraceCore
internal import MillraceTables

/// Goes from a commit back through a shuffle, to the commits that wrote what it read there.
///
/// Nothing is kept for it but what each commit notes about itself: where it read, and what it put where. What a commit
/// read was committed before it, so that a walk backwards over the commits finds it.
struct Lineage {
    struct Commit {
        var id: CommitID
        var made: Provenance
    }
    let snapshot: TableSnapshot

    /// What the walk looks for, in a shuffle of a pipeline.
    struct Place {
        var pipeline: String
        /// The stage that writes there, and how many tasks it has.
        var stage: Int
        var tasks: Int
        var partition: Int
        var offsets: Range<Int64>
    }

    /// The latest first; and whether the walk had to end, after `Limits.searchedCommits`, before all were found.
    func writers(of place: Place, before id: CommitID) throws(Failure) -> (commits: [Commit], isCut: Bool) {
        var found: [Commit] = []
        // Tasks that were followed back to what lies before the place: each writes at ever higher offsets.
        var followed: Set<Int> = []
        let isCut = try walk(before: id) { commit in
            let made = commit.made
            guard made.pipeline == place.pipeline, made.stage == place.stage,
                let sent = made.shuffled.first(where: { $0.partition == place.partition })?.offsets
            else { return true }
            if sent.overlaps(place.offsets) { found.append(commit) }
            if sent.lowerBound <= place.offsets.lowerBound { followed.insert(made.partition) }
            return followed.count < place.tasks
        }
        return (found, isCut)
    }

    /// Earlier commits of the task that made one, the latest first.
    func earlier(than commit: Commit, _ body: (Commit) throws(Failure) -> Bool) throws(Failure) {
        let made = commit.made
        _ = try walk(before: commit.id) { (other) throws(Failure) in
            guard other.made.pipeline == made.pipeline, other.made.stage == made.stage,
                other.made.partition == made.partition
            else { return true }
            return try body(other)
        }
    }

    /// - Returns: whether it ended because it was too long.
    private func walk(before id: CommitID, _ body: (Commit) throws(Failure) -> Bool) throws(Failure) -> Bool {
        var (looked, goesOn) = (0, true)
        try snapshot.provenances(before: id) { (id, bytes) throws(Failure) in
            looked += 1
            goesOn = try body(Commit(id: id, made: try Self.decode(Array(bytes), of: id)))
            return goesOn && looked < Limits.searchedCommits
        }
        return goesOn && looked >= Limits.searchedCommits
    }

    static func decode(_ bytes: [UInt8], of id: CommitID) throws(Failure) -> Provenance {
        do throws(ByteFault) { return try Provenance(bytes) } catch {
            throw Failure(
                .corrupt, "the provenance of commit \(id.microseconds) cannot be read",
                advice: "Check the store with: millrace table verify", cause: error)
        }
    }
}

/// Finds records that name the key of a row, as people would with a search in the text: what a pipeline takes for the
/// key is known to its code alone.
struct KeyMention {
    private let texts: [[UInt8]]
    /// What may still be looked through.
    private(set) var bytesLeft = Limits.explainedBytes

    init(_ texts: [String]) { self.texts = texts.filter { !$0.isEmpty }.map { Array($0.utf8) } }

    var isPossible: Bool { !texts.isEmpty && bytesLeft > 0 }

    mutating func isMade(in record: UnsafeRawBufferPointer?, key: UnsafeRawBufferPointer?) -> Bool {
        bytesLeft -= (record?.count ?? 0) + (key?.count ?? 0)
        return texts.allSatisfy { text in
            record.map { Self.contains(text, in: $0) } == true || key.map { Self.contains(text, in: $0) } == true
        }
    }

    /// As a word of its own: 7 is not named by 17.
    private static func contains(_ text: [UInt8], in bytes: UnsafeRawBufferPointer) -> Bool {
        var start = 0
        while start + text.count <= bytes.count {
            guard let hit = bytes[start...(bytes.count - text.count)].firstIndex(of: text[0]) else { return false }
            let end = hit + text.count
            if bytes[hit..<end].elementsEqual(text), hit == 0 || !isInWord(bytes[hit - 1]),
                end == bytes.count || !isInWord(bytes[end])
            {
                return true
            }
            start = hit + 1
        }
        return false
    }
    private static func isInWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), 0x80...: true
        case UInt8(ascii: "/"), UInt8(ascii: "."): true
        default: false
        }
    }
}
