/// A handle of the simulated disk. Dead after `close`, a crash or a kill.
final class SimulatedFile: StorageFile {
    let path: String
    private let handle: Int
    private let storage: SimulatedStorage

    init(path: String, handle: Int, storage: SimulatedStorage) {
        (self.path, self.handle, self.storage) = (path, handle, storage)
    }

    deinit { close() }

    func close() {
        storage.disk.withLock { disk in
            guard let open = disk.handles.removeValue(forKey: handle) else { return }
            disk.nodes[open.node]?.users -= 1
            if disk.locks[open.node] == handle { disk.locks[open.node] = nil }
        }
    }

    /// Runs `body` on the file's node; the effect of a planned fault is given along.
    private func perform<R: Sendable>(
        _ call: IOFault.Call, writes: Bool = false,
        _ body: (inout SimulatedDisk, Int, SimulatedFaults.Effect) throws(IOFault) -> R
    ) throws(IOFault) -> R {
        try storage.disk.withLock { (disk) throws(IOFault) -> R in
            guard let open = disk.handles[handle] else { throw IOFault(call, path: path, errno: IOFault.badFile) }
            if writes, !open.canWrite {
                // As Linux says it.
                let errno = call == .truncate ? IOFault.invalidArgument : IOFault.badFile
                throw IOFault(call, path: path, errno: errno)
            }
            return try body(&disk, open.node, disk.faults.begin(call, path))
        }
    }
    private func check(_ effect: SimulatedFaults.Effect, _ call: IOFault.Call) throws(IOFault) {
        if case .fail(let errno) = effect { throw IOFault(call, path: path, errno: errno) }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(IOFault) -> Int {
        try perform(.read) { (disk, node, effect) throws(IOFault) in
            try self.check(effect, .read)
            if buffer.isEmpty { return 0 }
            guard offset >= 0 else { throw IOFault(.read, path: self.path, errno: IOFault.invalidArgument) }
            let bytes = disk.nodes[node]?.current ?? []
            guard Int(clamping: offset) < bytes.count else { return 0 }
            let count = min(buffer.count, bytes.count - Int(offset))
            buffer.copyBytes(from: bytes[Int(offset)..<Int(offset) + count])
            if case .corrupt = effect, count > 0 {
                buffer[Int.random(in: 0..<count, using: &disk.random)] ^=
                    1 << UInt8.random(in: 0..<8, using: &disk.random)
            }
            return count
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(IOFault) {
        try perform(.write, writes: !bytes.isEmpty && offset >= 0) { (disk, node, effect) throws(IOFault) in
            try self.check(effect, .write)
            if bytes.isEmpty { return }
            guard offset >= 0 else { throw IOFault(.write, path: self.path, errno: IOFault.invalidArgument) }
            var count = bytes.count
            var failure: Int32?
            if case .short(let taken, let errno) = effect { (count, failure) = (min(taken, count), errno) }
            let room = disk.room(for: node, at: offset, count: count)
            if room < count { (count, failure) = (room, IOFault.noSpace) }
            let taken = [UInt8](bytes.prefix(count))
            if !taken.isEmpty {
                let change = ContentChange.write(offset: Int(offset), bytes: taken)
                change.apply(to: &disk.nodes[node]!.current)
                disk.nodes[node]?.pending.append(change)
            }
            if let failure { throw IOFault(.write, path: self.path, errno: failure) }
        }
    }

    func sync() throws(IOFault) {
        try perform(.sync) { (disk, node, effect) throws(IOFault) in
            guard case .fail(let errno) = effect else { return disk.sync(node) }
            if !disk.faults.isOff { disk.losePages(of: node) }
            throw IOFault(.sync, path: self.path, errno: errno)
        }
    }

    func truncate(to length: Int64) throws(IOFault) {
        try perform(.truncate, writes: true) { (disk, node, effect) throws(IOFault) in
            try self.check(effect, .truncate)
            guard length >= 0 else { throw IOFault(.truncate, path: self.path, errno: IOFault.invalidArgument) }
            let change = ContentChange.truncate(length: Int(length))
            change.apply(to: &disk.nodes[node]!.current)
            disk.nodes[node]?.pending.append(change)
            disk.nodes[node]!.reserved = min(length, disk.nodes[node]!.reserved)
        }
    }

    func size() throws(IOFault) -> Int64 {
        try perform(.size) { (disk, node, effect) throws(IOFault) in
            try self.check(effect, .size)
            return Int64(disk.nodes[node]?.current.count ?? 0)
        }
    }

    func preallocate(_ length: Int64) throws(IOFault) {
        try perform(.preallocate, writes: true) { (disk, node, effect) throws(IOFault) in
            try self.check(effect, .preallocate)
            guard let file = disk.nodes[node] else { return }
            if let capacity = disk.capacity, length - file.charge > capacity - disk.usedBytes {
                throw IOFault(.preallocate, path: self.path, errno: IOFault.noSpace)
            }
            disk.nodes[node]?.reserved = max(file.reserved, length)
        }
    }

    func map(offset: Int64, length: Int) throws(IOFault) -> MappedBytes {
        try perform(.map) { (disk, node, effect) throws(IOFault) in
            try self.check(effect, .map)
            let bytes = disk.nodes[node]?.current ?? []
            guard offset >= 0, length >= 0, offset <= bytes.count, length <= bytes.count - Int(offset) else {
                throw IOFault(.map, path: self.path, errno: IOFault.invalidArgument)
            }
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 64)
            copy.copyBytes(from: bytes[Int(offset)..<Int(offset) + length])
            if case .corrupt = effect, length > 0 {
                copy[Int.random(in: 0..<length, using: &disk.random)] ^=
                    1 << UInt8.random(in: 0..<8, using: &disk.random)
            }
            return MappedBytes(UnsafeRawBufferPointer(copy)) { $0.deallocate() }
        }
    }

    func lockExclusively() throws(IOFault) -> Bool {
        let handle = handle
        return try perform(.lock) { (disk, node, effect) throws(IOFault) in
            try self.check(effect, .lock)
            if let owner = disk.locks[node], owner != handle { return false }
            disk.locks[node] = handle
            return true
        }
    }
}

extension SimulatedDisk {
    /// How many of the bytes of a write at `offset` the disk still takes.
    func room(for node: Int, at offset: Int64, count: Int) -> Int {
        guard let capacity, let file = nodes[node] else { return count }
        let lastByte = max(file.charge, file.charge + capacity - usedBytes)
        return Int(max(0, min(Int64(count), lastByte - offset)))
    }
}
