/// The whole state of a simulated disk as one value: copying it forks the disk.
struct SimulatedDisk {
    static let root = 0
    var nodes: [Int: SimulatedNode] = [root: SimulatedNode(.directory)]
    var nextNode = 1
    var pendingNames: [NameChange] = []

    struct Handle {
        var node: Int
        var canWrite: Bool
    }
    /// Handles not in here are closed, or died in a crash.
    var handles: [Int: Handle] = [:]
    var nextHandle = 0
    /// Node → handle that holds its exclusive lock.
    var locks: [Int: Int] = [:]

    var capacity: Int64?
    var faults = SimulatedFaults()
    var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    var usedBytes: Int64 { nodes.values.reduce(0) { $0 + $1.charge } }

    // MARK: Names

    /// `a//b/./c` → `a`, `b`, `c`. The simulated process stands in the root.
    static func components(_ path: String) -> [String] {
        path.split(separator: "/", omittingEmptySubsequences: true).map { String($0) }.filter { $0 != "." }
    }

    func lookUp(_ path: String, _ call: IOFault.Call) throws(IOFault) -> Int {
        var node = Self.root
        for name in Self.components(path) {
            guard let directory = nodes[node], directory.kind == .directory else {
                throw IOFault(call, path: path, errno: IOFault.notDirectory)
            }
            guard let next = directory.entries[name] else {
                throw IOFault(call, path: path, errno: IOFault.noSuchFile)
            }
            node = next
        }
        return node
    }

    /// The directory that holds the last name of a path, and that name.
    func lookUpParent(_ path: String, _ call: IOFault.Call) throws(IOFault) -> (directory: Int, name: String) {
        var names = Self.components(path)
        guard let name = names.popLast() else { throw IOFault(call, path: path, errno: IOFault.exists) }
        let directory = try lookUp(names.joined(separator: "/"), call)
        guard nodes[directory]?.kind == .directory else {
            throw IOFault(call, path: path, errno: IOFault.notDirectory)
        }
        return (directory, name)
    }

    mutating func change(_ edits: [NameChange.Edit]) {
        for edit in edits {
            if let old = nodes[edit.directory]?.entries[edit.name] { nodes[old]?.links -= 1 }
            nodes[edit.directory]?.entries[edit.name] = edit.node
            if let new = edit.node { nodes[new]?.links += 1 }
        }
        pendingNames.append(NameChange(edits: edits))
    }

    mutating func makeDurable(_ change: NameChange) {
        for edit in change.edits { nodes[edit.directory]?.durableEntries[edit.name] = edit.node }
    }

    mutating func add(_ kind: SimulatedNode.Kind) -> Int {
        nodes[nextNode] = SimulatedNode(kind)
        nextNode += 1
        return nextNode - 1
    }

    /// Forgets nodes that neither a name, durable, pending or current, nor a handle leads to.
    mutating func collect() {
        var live: Set<Int> = [Self.root]
        var rest = [Self.root]
        rest += handles.values.map(\.node)
        rest += pendingNames.flatMap { $0.edits.compactMap(\.node) }
        live.formUnion(rest)
        while let id = rest.popLast() {
            guard let node = nodes[id] else { continue }
            for child in node.entries.values where live.insert(child).inserted { rest.append(child) }
            for child in node.durableEntries.values where live.insert(child).inserted { rest.append(child) }
        }
        if live.count < nodes.count { nodes = nodes.filter { live.contains($0.key) } }
    }

    // MARK: Syncing

    mutating func sync(_ node: Int) {
        guard let pending = nodes[node]?.pending, !pending.isEmpty else { return }
        nodes[node]?.pending = []
        for change in pending { change.apply(to: &nodes[node]!.durable) }
    }

    mutating func syncDirectory(_ directory: Int) {
        let touching = pendingNames.filter { $0.edits.contains { $0.directory == directory } }
        pendingNames.removeAll { $0.edits.contains { $0.directory == directory } }
        for change in touching { makeDurable(change) }
        collect()
    }
}
