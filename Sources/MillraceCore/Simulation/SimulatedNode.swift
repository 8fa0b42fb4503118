/// One file or directory of the simulated disk: what a reader sees, what is on the platter, and what lies between.
struct SimulatedNode {
    enum Kind { case file, directory }
    let kind: Kind

    /// A file as the page cache shows it, and as it is durable.
    var current: [UInt8] = []
    var durable: [UInt8] = []
    /// In the order they were made, not yet synced.
    var pending: [ContentChange] = []
    /// Room reserved by `preallocate`.
    var reserved: Int64 = 0

    /// A directory likewise. Its pending changes are in `SimulatedDisk.pendingNames`: a rename has two directories.
    var entries: [String: Int] = [:]
    var durableEntries: [String: Int] = [:]
    /// Names in `entries` of all directories that lead here.
    var links = 0
    /// Open handles.
    var users = 0

    init(_ kind: Kind) { self.kind = kind }

    var charge: Int64 { kind == .directory || (links == 0 && users == 0) ? 0 : max(Int64(current.count), reserved) }
}

enum ContentChange {
    case write(offset: Int, bytes: [UInt8])
    case truncate(length: Int)

    func apply(to content: inout [UInt8]) {
        switch self {
        case .write(let offset, let bytes): content.overwrite(bytes[...], at: offset)
        case .truncate(let length): content.resize(to: length)
        }
    }
}

/// A creation, removal or rename: entries that change together or not at all.
struct NameChange {
    struct Edit {
        var directory: Int
        var name: String
        var node: Int?
    }
    var edits: [Edit]
}

extension [UInt8] {
    mutating func resize(to length: Int) {
        if length < count {
            removeLast(count - length)
        } else {
            append(contentsOf: repeatElement(0, count: length - count))
        }
    }
    mutating func overwrite(_ bytes: ArraySlice<UInt8>, at offset: Int) {
        if bytes.isEmpty { return }
        if offset == count {
            append(contentsOf: bytes)
            return
        }
        if offset + bytes.count > count { resize(to: offset + bytes.count) }
        replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }
}
