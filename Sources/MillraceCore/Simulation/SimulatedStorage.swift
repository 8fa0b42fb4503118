/// A disk in memory that can lose power, fail, fill up and lie, all repeatable from a seed.
///
/// It keeps what a reader sees apart from what is durable. `crash` throws away any part of what was not synced:
/// - writes in pieces of 512 bytes, each kept or lost by itself, so writes are lost, torn and, later ones kept and
///   earlier ones lost, reordered; a file may have grown and be zero where the bytes were lost;
/// - creations, removals and renames, each by itself (a rename is one change in both directories), until the directory
///   was synced. Syncing a file does not make its name durable.
///
/// A failed sync leaves the bytes readable and *not* durable, and marks them clean: the next sync succeeds and still
/// does not write them, as Linux does. Thread-safe. Maps are copies taken at the time of mapping. No symbolic links.
public final class SimulatedStorage: Storage {
    /// The grain at which a write may be torn.
    public static let sectorBytes = 512

    let disk: Lock<SimulatedDisk>

    /// - Parameter seed: what the disk itself draws from (which bit of a corrupt read flips, what a failed sync wrote).
    public init(seed: UInt64 = 1) { disk = Lock(SimulatedDisk(seed: seed)) }
    init(_ disk: SimulatedDisk) { self.disk = Lock(disk) }

    public func open(_ path: String, _ mode: OpenMode) throws(IOFault) -> any StorageFile {
        let handle = try disk.withLock { (disk) throws(IOFault) in
            try disk.faults.check(.open, path)
            return try disk.open(path, mode)
        }
        return SimulatedFile(path: path, handle: handle, storage: self)
    }

    public func rename(_ from: String, to: String) throws(IOFault) {
        try disk.withLock { (disk) throws(IOFault) in
            try disk.faults.check(.rename, from)
            try disk.rename(from, to)
        }
    }

    public func link(_ from: String, to: String) throws(IOFault) {
        try disk.withLock { (disk) throws(IOFault) in
            try disk.faults.check(.link, from)
            let node = try disk.lookUp(from, .link)
            let (directory, name) = try disk.lookUpParent(to, .link)
            guard disk.nodes[directory]?.entries[name] == nil else {
                throw IOFault(.link, path: from, errno: IOFault.exists)
            }
            guard disk.nodes[node]?.kind == .file else {
                throw IOFault(.link, path: from, errno: IOFault.notPermitted)
            }
            disk.change([.init(directory: directory, name: name, node: node)])
        }
    }

    public func unlink(_ path: String) throws(IOFault) {
        try disk.withLock { (disk) throws(IOFault) in
            try disk.faults.check(.unlink, path)
            let node = try disk.lookUp(path, .unlink)
            guard disk.nodes[node]?.kind == .file else {
                throw IOFault(.unlink, path: path, errno: IOFault.isDirectory)
            }
            let (directory, name) = try disk.lookUpParent(path, .unlink)
            disk.change([.init(directory: directory, name: name, node: nil)])
        }
    }

    public func makeDirectory(_ path: String) throws(IOFault) {
        try disk.withLock { (disk) throws(IOFault) in
            try disk.faults.check(.makeDirectory, path)
            if SimulatedDisk.components(path).isEmpty { return }
            let (directory, name) = try disk.lookUpParent(path, .makeDirectory)
            if let existing = disk.nodes[directory]?.entries[name] {
                if disk.nodes[existing]?.kind == .directory { return }
                throw IOFault(.makeDirectory, path: path, errno: IOFault.exists)
            }
            let node = disk.add(.directory)
            disk.change([.init(directory: directory, name: name, node: node)])
        }
    }

    public func removeDirectory(_ path: String) throws(IOFault) {
        try disk.withLock { (disk) throws(IOFault) in
            try disk.faults.check(.removeDirectory, path)
            let node = try disk.lookUp(path, .removeDirectory)
            guard let contents = disk.nodes[node], contents.kind == .directory else {
                throw IOFault(.removeDirectory, path: path, errno: IOFault.notDirectory)
            }
            guard contents.entries.isEmpty else {
                throw IOFault(.removeDirectory, path: path, errno: IOFault.notEmpty)
            }
            let (directory, name) = try disk.lookUpParent(path, .removeDirectory)
            disk.change([.init(directory: directory, name: name, node: nil)])
        }
    }

    public func list(_ path: String) throws(IOFault) -> [String] {
        try disk.withLock { (disk) throws(IOFault) in
            try disk.faults.check(.list, path)
            guard let node = disk.nodes[try disk.lookUp(path, .list)], node.kind == .directory else {
                throw IOFault(.list, path: path, errno: IOFault.notDirectory)
            }
            return node.entries.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        }
    }

    public func status(of path: String) throws(IOFault) -> FileStatus? {
        try disk.withLock { (disk) throws(IOFault) in
            try disk.faults.check(.status, path)
            guard let id = try? disk.lookUp(path, .status), let node = disk.nodes[id] else { return nil }
            return FileStatus(kind: node.kind == .file ? .file : .directory, size: Int64(node.current.count))
        }
    }

    public func syncDirectory(_ path: String) throws(IOFault) {
        try disk.withLock { (disk) throws(IOFault) in
            let effect = disk.faults.begin(.syncDirectory, path)
            let node = try disk.lookUp(path, .syncDirectory)
            guard disk.nodes[node]?.kind == .directory else {
                throw IOFault(.syncDirectory, path: path, errno: IOFault.notDirectory)
            }
            guard case .fail(let errno) = effect else { return disk.syncDirectory(node) }
            if !disk.faults.isOff { disk.loseNames(of: node) }
            throw IOFault(.syncDirectory, path: path, errno: errno)
        }
    }

    public func freeBytes(at path: String) throws(IOFault) -> Int64 {
        try disk.withLock { (disk) throws(IOFault) in
            try disk.faults.check(.freeBytes, path)
            _ = try disk.lookUp(path, .freeBytes)
            return max(0, (disk.capacity ?? 1 << 40) - disk.usedBytes)
        }
    }

    public func crashPoint(_ name: StaticString) {
        disk.withLock { disk in
            let name = "\(name)"
            let hits = disk.faults.crashPointHits[name, default: 0] + 1
            disk.faults.crashPointHits[name] = hits
            if disk.faults.powerOffAtCrashPoint[name] == hits { disk.faults.isOff = true }
        }
    }
}

extension SimulatedDisk {
    mutating func open(_ path: String, _ mode: OpenMode) throws(IOFault) -> Int {
        let (directory, name) = try lookUpParent(path, .open)
        var node = nodes[directory]?.entries[name]
        switch (node, mode) {
        case (nil, .read), (nil, .readLinked), (nil, .readWrite):
            throw IOFault(.open, path: path, errno: IOFault.noSuchFile)
        case (.some, .createNew): throw IOFault(.open, path: path, errno: IOFault.exists)
        default: break
        }
        if let node, nodes[node]?.kind == .directory { throw IOFault(.open, path: path, errno: IOFault.isDirectory) }
        if node == nil {
            let new = add(.file)
            change([.init(directory: directory, name: name, node: new)])
            node = new
        }
        guard let node else { preconditionFailure("a file was neither found nor made") }
        nodes[node]?.users += 1
        handles[nextHandle] = Handle(node: node, canWrite: mode != .read && mode != .readLinked)
        nextHandle += 1
        return nextHandle - 1
    }

    /// Checks in the order of the Linux kernel, so that the errno is the same.
    mutating func rename(_ from: String, _ to: String) throws(IOFault) {
        let (sourceDirectory, sourceName) = try lookUpParent(from, .rename)
        let (targetDirectory, targetName) = try lookUpParent(to, .rename)
        func refused(_ errno: Int32) -> IOFault { IOFault(.rename, path: from, errno: errno) }
        guard let node = nodes[sourceDirectory]?.entries[sourceName] else { throw refused(IOFault.noSuchFile) }
        let target = nodes[targetDirectory]?.entries[targetName]
        let (source, destination) = (Self.components(from), Self.components(to))
        if destination.count > source.count, destination.starts(with: source) { throw refused(IOFault.invalidArgument) }
        if source.count > destination.count, source.starts(with: destination) { throw refused(IOFault.notEmpty) }
        if target == node { return }
        if let target, let existing = nodes[target] {
            switch (nodes[node]?.kind, existing.kind) {
            case (.file, .directory): throw refused(IOFault.isDirectory)
            case (.directory, .file): throw refused(IOFault.notDirectory)
            case (.directory, .directory) where !existing.entries.isEmpty: throw refused(IOFault.notEmpty)
            default: break
            }
        }
        change([
            .init(directory: sourceDirectory, name: sourceName, node: nil),
            .init(directory: targetDirectory, name: targetName, node: node),
        ])
    }
}
