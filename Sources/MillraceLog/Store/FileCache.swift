internal import MillraceCore

/// The handles of files in use, at most `limit` of them: the longest unused is let go first.
///
/// Letting go drops our reference only; a file closes when its last user is done with it.
final class FileCache: Sendable {
    private struct Entry {
        var file: any StorageFile
        var lastUse: UInt64
    }
    private struct State {
        var entries: [String: Entry] = [:]
        var clock: UInt64 = 0
    }
    private let storage: any Storage
    private let limit: Int
    private let state = Lock(State())

    init(storage: any Storage, limit: Int) {
        precondition(limit > 0, "a store needs open files")
        (self.storage, self.limit) = (storage, limit)
    }

    /// The open file, opened if it must be. May block.
    func file(_ path: String, _ mode: OpenMode = .readWrite) throws(IOFault) -> any StorageFile {
        let known: (any StorageFile)? = state.withLock { state in
            state.clock += 1
            guard let file = state.entries[path]?.file else { return nil }
            state.entries[path]?.lastUse = state.clock
            return file
        }
        if let known { return known }
        let opened = try storage.open(path, mode)
        let (result, dropped): (any StorageFile, [any StorageFile]) = state.withLock { state in
            // Another thread may have been faster: one handle per path, so that a sync sees every write's error.
            if let file = state.entries[path]?.file { return (file, [opened]) }
            state.entries[path] = Entry(file: opened, lastUse: state.clock)
            return (opened, Self.trim(&state, to: limit))
        }
        withExtendedLifetime(dropped) {}
        return result
    }

    /// Whether the file can be had without a call to the system.
    func isOpen(_ path: String) -> Bool { state.withLock { $0.entries[path] != nil } }

    /// Lets go of a file that is deleted or replaced.
    func forget(_ path: String) {
        let dropped = state.withLock { $0.entries.removeValue(forKey: path)?.file }
        withExtendedLifetime(dropped) {}
    }
    func forgetAll() {
        let dropped = state.withLock { state in
            defer { state.entries.removeAll() }
            return state.entries.values.map(\.file)
        }
        withExtendedLifetime(dropped) {}
    }

    private static func trim(_ state: inout State, to limit: Int) -> [any StorageFile] {
        guard state.entries.count > limit else { return [] }
        // An eighth at once, so that the sort is paid once for many opens.
        let count = max(1, limit / 8)
        let oldest = state.entries.sorted { $0.value.lastUse < $1.value.lastUse }.prefix(count)
        for (path, _) in oldest { state.entries[path] = nil }
        return oldest.map(\.value.file)
    }
}
