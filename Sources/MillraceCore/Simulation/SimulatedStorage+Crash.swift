/// One thing that was not synced when the power went, and that may or may not have reached the disk.
public enum UnsyncedChange: Sendable, Hashable {
    /// 512 bytes of a write, or the part of them that it covers.
    case sector(offset: Int)
    /// A file's growth to a length, though bytes of it were lost: they read as zero.
    case growth(length: Int)
    case truncation(length: Int)
    /// A creation, removal or rename, by the names it touches.
    case names([String])
}

extension SimulatedStorage {
    /// The power goes and comes back: each unsynced change is kept or lost by chance, all open handles are dead, locks
    /// are free. What is kept is durable. Planned faults stay; `clearFaults` takes them away.
    public func crash(using random: inout SeededRandom) {
        // From "nothing but what was synced" to "all of it", the ends included, since bugs sit at both.
        let odds: [UInt64] = [0, 1, 4, 7, 8]
        let (pages, names) = (odds.randomElement(using: &random)!, odds.randomElement(using: &random)!)
        crash { change in
            if case .names = change { return random.chance(names, in: 8) }
            return random.chance(pages, in: 8)
        }
    }

    /// As `crash(using:)`, where the test says what is kept. Asked in the order of files, then of their changes.
    public func crash(keeping isKept: (UnsyncedChange) -> Bool) {
        disk.withLock { $0.crash(isKept) }
    }

    /// The process is killed and the machine stays up: handles and locks go, every write that returned stays readable,
    /// and what was not synced is still not durable.
    public func killProcess() { disk.withLock { $0.dropHandles() } }

    /// An independent copy of the disk, so that one state can be crashed in many ways. Its handles are dead.
    public func fork() -> SimulatedStorage {
        let copy = disk.withLock { disk in
            var copy = disk
            copy.dropHandles()
            return copy
        }
        return SimulatedStorage(copy)
    }

    /// What a crash that loses everything unsynced would leave of a file; `nil` when its name would be lost.
    public func durableContents(of path: String) -> [UInt8]? {
        let copy = fork()
        copy.crash { _ in false }
        return copy.disk.withLock { disk in
            guard let id = try? disk.lookUp(path, .read), let node = disk.nodes[id], node.kind == .file else {
                return nil
            }
            return node.durable
        }
    }

    /// Changes not yet durable: writes and truncations of all files, and changes of names.
    public var unsyncedChanges: Int {
        disk.withLock { disk in disk.nodes.values.reduce(disk.pendingNames.count) { $0 + $1.pending.count } }
    }

    /// Changes a stored byte, durable and as read: damage that came with time. False when there is no such byte.
    @discardableResult
    public func damage(_ path: String, at offset: Int, flipping mask: UInt8) -> Bool {
        disk.withLock { disk in
            guard let node = try? disk.lookUp(path, .write), disk.nodes[node]!.current.indices.contains(offset) else {
                return false
            }
            disk.nodes[node]!.current[offset] ^= mask
            if disk.nodes[node]!.durable.indices.contains(offset) { disk.nodes[node]!.durable[offset] ^= mask }
            return true
        }
    }
}

extension SimulatedDisk {
    mutating func dropHandles() {
        handles = [:]
        locks = [:]
        for id in nodes.keys { nodes[id]!.users = 0 }
        faults.isOff = false
        faults.powerOffAt = nil
        faults.powerOffAtCrashPoint = [:]
    }

    mutating func crash(_ isKept: (UnsyncedChange) -> Bool) {
        dropHandles()
        for id in nodes.keys.sorted() {
            let pending = nodes[id]!.pending
            nodes[id]!.pending = []
            Self.settle(pending, into: &nodes[id]!.durable, isKept)
            nodes[id]!.current = nodes[id]!.durable
            nodes[id]!.links = 0
        }
        let changes = pendingNames
        pendingNames = []
        for change in changes where isKept(.names(change.edits.map(\.name))) { makeDurable(change) }
        for id in nodes.keys { nodes[id]!.entries = nodes[id]!.durableEntries }
        collect()
        for child in nodes.values.flatMap({ $0.entries.values }) { nodes[child]!.links += 1 }
    }

    /// Applies the kept pieces of changes, in their order.
    private static func settle(
        _ changes: [ContentChange], into content: inout [UInt8], _ isKept: (UnsyncedChange) -> Bool
    ) {
        for change in changes {
            switch change {
            case .truncate(let length):
                if isKept(.truncation(length: length)) { content.resize(to: length) }
            case .write(let offset, let bytes):
                var start = 0
                while start < bytes.count {
                    let sectorEnd = ((offset + start) / SimulatedStorage.sectorBytes + 1) * SimulatedStorage.sectorBytes
                    let end = min(bytes.count, sectorEnd - offset)
                    if isKept(.sector(offset: offset + start)) {
                        content.overwrite(bytes[start..<end], at: offset + start)
                    }
                    start = end
                }
                let length = offset + bytes.count
                if length > content.count, isKept(.growth(length: length)) { content.resize(to: length) }
            }
        }
    }

    /// A sync that failed: some of the pages reached the disk, the others never will, and all are clean.
    mutating func losePages(of node: Int) {
        let pending = nodes[node]!.pending
        nodes[node]!.pending = []
        var draw = random.split()
        Self.settle(pending, into: &nodes[node]!.durable) { _ in draw.chance(1, in: 2) }
    }

    mutating func loseNames(of directory: Int) {
        let isTouching = { (change: NameChange) in change.edits.contains { $0.directory == directory } }
        let touching = pendingNames.filter(isTouching)
        pendingNames.removeAll(where: isTouching)
        for change in touching where random.chance(1, in: 2) { makeDurable(change) }
    }
}
