internal import MillraceCore
internal import MillraceFlow

/// A task's latest changes of state, between its memory and the store.
///
/// A commit writes all that changed as one value, a **block**, instead of an entry for each key: what a pane costs is
/// then a few copies of its bytes. Blocks are numbered and kept, here and in the store, up to a limit. Beyond it the
/// oldest is **retired**: those of its entries that are still the newest of their keys are written as entries of their
/// own, in the same write that drops the block. So a key that changes with every commit is never written by itself,
/// one that changes once is written once, and no commit has much more to do than the others.
///
/// ```
/// store:    entries of their own  <  block 7  <  block 8  <  block 9       later ones hold
/// memory:   cold panes are not       index: key → newest block and offset
/// ```
///
/// As a `StateReader` it gives everything taken so far, whether or not its commit is on the disk yet: what a commit
/// under way retires stays readable here until `settled`. One thread owns it: the task's.
final class StateJournal: StateReader {
    private let store: any StateReader
    private let limit: Int
    private let scanLimit: Int
    private let task: TaskAddress
    private let seed: UInt64
    private var index = JournalIndex()
    /// From `first` on.
    private var blocks: [StateDelta] = []
    private var first: Int64
    private var blockBytes = 0
    /// Blocks at the front that the commit under way drops, and their bytes.
    private var retiring = (count: 0, bytes: 0)

    /// Empty, or as the last commit left it.
    ///
    /// - Parameters:
    ///   - limit: bytes of blocks to keep.
    ///   - numbers: the blocks that the store holds.
    ///   - scanLimit: bytes in memory of what one scan gives.
    init(
        of task: TaskAddress, in store: any TaskReader, holding numbers: Range<Int64>, limit: Int,
        scanLimit: Int = .max, seed: UInt64
    ) throws(Failure) {
        (self.store, self.limit, self.seed) = (store.stateReader(of: task), limit, seed)
        (self.task, self.scanLimit) = (task, scanLimit)
        first = numbers.lowerBound
        guard !numbers.isEmpty else { return }
        try store.readJournal(of: task, numbers) { (number, bytes) throws(Failure) in
            guard number == next else { throw Self.damaged(task, "block \(next) is missing") }
            do throws(ByteFault) {
                append(try StateDelta(decoding: bytes))
            } catch {
                throw Self.damaged(task, "block \(number) cannot be read", error)
            }
        }
        guard next == numbers.upperBound else { throw Self.damaged(task, "block \(next) is missing") }
    }

    /// A task's state as it was committed, for who looks at it while the task runs.
    static func committed(of task: TaskAddress, in store: any TaskStore) throws(Failure) -> any StateReader {
        let moment = try store.snapshot()
        let numbers = try moment.mark(of: task)?.journal ?? 0..<0
        return try StateJournal(of: task, in: moment, holding: numbers, limit: 0, seed: 0)
    }

    private static func damaged(_ task: TaskAddress, _ what: String, _ cause: (any Error)? = nil) -> Failure {
        Failure(
            .corrupt, "the journal of a task's state is damaged: \(what)",
            advice: "Restore the data directory from a snapshot, or reset the pipeline", place: task.description,
            cause: cause, isFatal: true)
    }

    private var next: Int64 { first + Int64(blocks.count) }
    /// In memory.
    var bytes: Int { blockBytes + index.bytes }

    // MARK: Commits

    /// Takes in what changed. Gives what the commit has to write; `settled` when it has.
    func take(_ delta: consuming StateDelta) -> StateChange {
        precondition(retiring.count == 0, "the commit before is not settled")
        let number = next
        if !delta.isEmpty { append(delta) }
        var entries = StateDelta()
        while retiring.count < blocks.count,
            blockBytes - retiring.bytes > limit || blocks.count - retiring.count > Limits.journalBlocks
        {
            retire(into: &entries)
        }
        let dropped = first..<first + Int64(retiring.count)
        // A block that would be dropped at once is not written at all.
        let isKept = number < next && !dropped.contains(number)
        return StateChange(
            block: isKept ? (number, blocks[blocks.count - 1]) : nil, entries: entries,
            dropped: dropped.clamped(to: first..<number), kept: dropped.upperBound..<next)
    }

    /// The commit of the last change is on the disk.
    func settled() {
        blocks.removeFirst(retiring.count)
        first += Int64(retiring.count)
        blockBytes -= retiring.bytes
        retiring = (0, 0)
    }

    private func append(_ delta: consuming StateDelta) {
        precondition(delta.byteCount < Int(UInt32.max), "a commit's state is above 4 GiB")
        let number = next
        let (first, blocks) = (first, blocks)
        var block = delta
        block.markFresh { entry, own in
            var isFresh = entry.isFresh
            index.note(hash(entry.key), first: first) { place in
                place.block == number
                    ? StateDelta.Entry(own, at: place.offset)?.hasKey(entry.key) == true
                    : blocks[Int(place.block - first)].hasKey(entry.key, at: place.offset)
            } place: { before in
                // Whether the store has an entry besides is known by the key's entry before, if it has one here.
                if let before { isFresh = before.isFresh }
                return JournalIndex.Place(block: number, offset: entry.offset, isFresh: isFresh)
            }
            return isFresh
        }
        blockBytes += block.byteCount
        self.blocks.append(block)
    }

    /// Drops the oldest block with the commit under way: what it alone says becomes entries of the store.
    private func retire(into entries: inout StateDelta) {
        let number = first + Int64(retiring.count)
        let block = blocks[retiring.count]
        block.forEachEntry { entry in
            let newest = index.find(hash(entry.key), first: first) { $0.block == number && $0.offset == entry.offset }
            guard let newest, entry.value != nil || !newest.isFresh else { return }
            entries.add(entry)
        }
        retiring = (retiring.count + 1, retiring.bytes + block.byteCount)
    }

    private func hash(_ key: UnsafeRawBufferPointer) -> UInt64 { KeyHash.bytes(key, seed: seed) }

    // MARK: Reading

    func read(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer?) -> Void) throws(Failure) {
        let newest = index.find(hash(key), first: first) { blocks[Int($0.block - first)].hasKey(key, at: $0.offset) }
        guard let newest else { return try store.read(key, body) }
        blocks[Int(newest.block - first)].withEntry(at: newest.offset) { body($0.value) }
    }

    /// Who scans keeps what it is given, so that it is bounded.
    func scan(
        prefix: UnsafeRawBufferPointer, _ body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool
    ) throws(Failure) {
        var bytes = 0
        try scanAll(prefix: prefix) { key, value in
            bytes += key.count + value.count + Limits.stateEntryBytes
            return bytes <= scanLimit && body(key, value)
        }
        guard bytes <= scanLimit else {
            throw Failure(
                .limitReached,
                "a window or a step's state that has to be in memory whole takes above \(scanLimit) bytes",
                advice: "Raise state.budget, a quarter of that; or use shorter windows, or fewer keys",
                place: task.description, isFatal: true)
        }
    }

    private func scanAll(
        prefix: UnsafeRawBufferPointer, _ body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool
    ) throws(Failure) {
        var own = places(prefix)[...]
        var goesOn = true
        /// Gives the journal's entries whose keys come before one of the store's; true when one has that key itself.
        func giveOwn(before limit: UnsafeRawBufferPointer?) -> Bool {
            while goesOn, let next = own.first {
                if let limit, limit.lexicographicallyPrecedes(next.key) { return false }
                own.removeFirst()
                blocks[Int(next.place.block - first)].withEntry(at: next.place.offset) { entry in
                    if let value = entry.value { goesOn = body(entry.key, value) }
                }
                if let limit, limit.elementsEqual(next.key) { return true }
            }
            return false
        }
        try store.scan(prefix: prefix) { key, value in
            if !giveOwn(before: key), goesOn { goesOn = body(key, value) }
            return goesOn
        }
        _ = giveOwn(before: nil)
    }

    /// The newest entries of keys that begin with a prefix, in the order of the keys' bytes.
    private func places(_ prefix: UnsafeRawBufferPointer) -> [(key: [UInt8], place: JournalIndex.Place)] {
        var found: [(key: [UInt8], place: JournalIndex.Place)] = []
        index.forEach(first: first) { place in
            blocks[Int(place.block - first)].withEntry(at: place.offset) { entry in
                guard entry.key.starts(with: prefix) else { return }
                found.append((Array(entry.key), place))
            }
        }
        found.sort { one, other in one.key.lexicographicallyPrecedes(other.key) }
        return found
    }
}
