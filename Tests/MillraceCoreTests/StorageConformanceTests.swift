import Foundation
import MillraceCore
import Testing

/// What every storage does alike, held against the real file system and the simulated one.
@Suite struct StorageConformanceTests {
    @Test(arguments: StorageKind.allCases) func openModes(_ kind: StorageKind) throws {
        try kind.run { storage, directory in
            let path = directory + "/a"
            #expect(errnoOf { _ = try storage.open(path, .read) } == ENOENT)
            #expect(errnoOf { _ = try storage.open(path, .readWrite) } == ENOENT)
            try storage.open(path, .createNew).write("hello", at: 0)
            #expect(errnoOf { _ = try storage.open(path, .createNew) } == EEXIST)
            #expect(try storage.open(path, .create).text(9, at: 0) == "hello")
            #expect(try storage.open(path, .readWrite).size() == 5)
            #expect(errnoOf { _ = try storage.open(directory + "/no/a", .create) } == ENOENT)
            #expect(errnoOf { _ = try storage.open(path + "/a", .create) } == ENOTDIR)
            #expect(errnoOf { try storage.open(path, .read).write("x", at: 0) } == EBADF)
            #expect(errnoOf { _ = try storage.open(directory, .readWrite) } == EISDIR)
        }
    }

    @Test(arguments: StorageKind.allCases) func readsAndWritesAtAnyOffset(_ kind: StorageKind) throws {
        try kind.run { storage, directory in
            let file = try storage.open(directory + "/a", .create)
            try file.write("world", at: 6)
            #expect(try file.text(100, at: 0) == "\0\0\0\0\0\0world")
            try file.write("hello ", at: 0)
            #expect(try file.text(100, at: 0) == "hello world")
            #expect(try file.text(3, at: 4) == "o w")
            #expect(try file.text(3, at: 11) == "")
            #expect(try file.text(3, at: 1 << 40) == "")
            try file.write("", at: 0)
            #expect(try file.size() == 11)
            #expect(errnoOf { try file.write("x", at: -1) } == EINVAL)
            #expect(errnoOf { _ = try file.text(1, at: -1) } == EINVAL)
        }
    }

    @Test(arguments: StorageKind.allCases) func truncatesBothWays(_ kind: StorageKind) throws {
        try kind.run { storage, directory in
            let file = try storage.open(directory + "/a", .create)
            try file.write("abcdef", at: 0)
            try file.truncate(to: 3)
            #expect(try file.text(9, at: 0) == "abc")
            try file.truncate(to: 5)
            #expect(try file.text(9, at: 0) == "abc\0\0")
            #expect(errnoOf { try file.truncate(to: -1) } == EINVAL)
            try file.sync()
        }
    }

    @Test(arguments: StorageKind.allCases) func preallocationKeepsTheSize(_ kind: StorageKind) throws {
        try kind.run { storage, directory in
            let file = try storage.open(directory + "/a", .create)
            try file.write("abc", at: 0)
            try file.preallocate(1 << 16)
            try file.preallocate(0)
            #expect(try file.size() == 3)
            #expect(try file.text(9, at: 0) == "abc")
        }
    }

    @Test(arguments: StorageKind.allCases) func mapsAnyRangeOfTheFile(_ kind: StorageKind) throws {
        try kind.run { storage, directory in
            let file = try storage.open(directory + "/a", .create)
            let content = (0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            try content.lending { (bytes) throws(IOFault) in try file.write(bytes, at: 0) }
            for (offset, length) in [
                (0, 20_000), (1, 19_999), (4_095, 2), (4_096, 4_096), (19_999, 1), (20_000, 0), (5, 0),
            ] {
                let map = try file.map(offset: Int64(offset), length: length)
                #expect(map.copy == Array(content[offset..<offset + length]))
            }
            for (offset, length) in [(0, 20_001), (20_000, 1), (20_001, 0), (-1, 1), (0, -1), (1 << 40, 1)] {
                #expect(errnoOf { _ = try file.map(offset: Int64(offset), length: length) } == EINVAL)
            }
            let map = try file.map(offset: 100, length: 10)
            file.close()
            try storage.unlink(directory + "/a")
            #expect(map.copy == Array(content[100..<110]), "a map outlives its file")
        }
    }

    @Test(arguments: StorageKind.allCases) func aClosedFileAnswersNothing(_ kind: StorageKind) throws {
        try kind.run { storage, directory in
            let file = try storage.open(directory + "/a", .create)
            file.close()
            file.close()
            #expect(errnoOf { try file.write("x", at: 0) } == EBADF)
            #expect(errnoOf { _ = try file.text(1, at: 0) } == EBADF)
            #expect(errnoOf { try file.sync() } == EBADF)
            #expect(errnoOf { try file.truncate(to: 0) } == EBADF)
            #expect(errnoOf { _ = try file.size() } == EBADF)
            #expect(errnoOf { try file.preallocate(1) } == EBADF)
            #expect(errnoOf { _ = try file.map(offset: 0, length: 0) } == EBADF)
            #expect(errnoOf { _ = try file.lockExclusively() } == EBADF)
        }
    }

    /// The system gives a closed file's number to the next one that is opened.
    @Test(arguments: StorageKind.allCases) func aClosedFileDoesNotDisturbTheNextOne(_ kind: StorageKind) throws {
        try kind.run { storage, directory in
            let closed = try storage.open(directory + "/a", .create)
            closed.close()
            let open = try storage.open(directory + "/b", .create)
            for _ in 0..<3 { #expect(errnoOf { try closed.write("x", at: 0) } == EBADF) }
            closed.close()
            try open.write("fine", at: 0)
            #expect(try open.text(9, at: 0) == "fine")
            #expect(try storage.text(of: directory + "/a") == "")
        }
    }

    @Test(arguments: StorageKind.allCases) func theLockIsExclusiveUntilItsFileIsClosed(_ kind: StorageKind) throws {
        try kind.run { storage, directory in
            let first = try storage.open(directory + "/lock", .create)
            let second = try storage.open(directory + "/lock", .create)
            #expect(try first.lockExclusively())
            #expect(try first.lockExclusively())
            #expect(try !second.lockExclusively())
            first.close()
            #expect(try second.lockExclusively())
        }
    }

    @Test(arguments: StorageKind.allCases) func namesComeAndGo(_ kind: StorageKind) throws {
        try kind.run { storage, directory in
            let sub = directory + "/sub"
            try storage.makeDirectory(sub)
            try storage.makeDirectory(sub)
            #expect(errnoOf { try storage.makeDirectory(directory + "/no/sub") } == ENOENT)
            for name in ["b", "ä", "a", "Z", "10", "9"] { try storage.make(sub + "/" + name) }
            #expect(try storage.list(sub) == ["10", "9", "Z", "a", "b", "ä"])
            #expect(errnoOf { try storage.makeDirectory(sub + "/a") } == EEXIST)
            #expect(errnoOf { _ = try storage.list(sub + "/a") } == ENOTDIR)
            #expect(errnoOf { _ = try storage.list(sub + "/no") } == ENOENT)
            #expect(errnoOf { try storage.removeDirectory(sub) } == ENOTEMPTY)
            #expect(errnoOf { try storage.removeDirectory(sub + "/a") } == ENOTDIR)
            #expect(errnoOf { try storage.unlink(sub + "/no") } == ENOENT)
            for name in try storage.list(sub) { try storage.unlink(sub + "/" + name) }
            try storage.removeDirectory(sub)
            #expect(try storage.status(of: sub) == nil)
            #expect(errnoOf { try storage.removeDirectory(sub) } == ENOENT)
        }
    }

    @Test(arguments: StorageKind.allCases) func renameReplacesWhatIsThere(_ kind: StorageKind) throws {
        try kind.run { storage, directory in
            try storage.make(directory + "/a", "new")
            try storage.make(directory + "/b", "old")
            let old = try storage.open(directory + "/b", .read)
            try storage.rename(directory + "/a", to: directory + "/b")
            #expect(try storage.list(directory) == ["b"])
            #expect(try storage.text(of: directory + "/b") == "new")
            #expect(try old.text(9, at: 0) == "old", "an open file outlives its name")
            #expect(errnoOf { try storage.rename(directory + "/a", to: directory + "/b") } == ENOENT)
            try storage.rename(directory + "/b", to: directory + "/b")
            try storage.makeDirectory(directory + "/sub")
            try storage.rename(directory + "/b", to: directory + "/sub/c")
            #expect(try storage.text(of: directory + "/sub/c") == "new")
            try storage.make(directory + "/d")
            #expect(errnoOf { try storage.rename(directory + "/d", to: directory + "/sub") } == EISDIR)
            #expect(errnoOf { try storage.rename(directory + "/sub", to: directory + "/d") } == ENOTDIR)
            try storage.makeDirectory(directory + "/other")
            try storage.make(directory + "/other/x")
            #expect(errnoOf { try storage.rename(directory + "/sub", to: directory + "/other") } == ENOTEMPTY)
            #expect(errnoOf { try storage.rename(directory + "/sub", to: directory + "/sub/in") } == EINVAL)
            try storage.syncDirectory(directory)
        }
    }

    @Test(arguments: StorageKind.allCases) func linksShareTheirBytes(_ kind: StorageKind) throws {
        try kind.run { storage, directory in
            try storage.make(directory + "/a", "one")
            try storage.link(directory + "/a", to: directory + "/b")
            #expect(errnoOf { try storage.link(directory + "/a", to: directory + "/b") } == EEXIST)
            #expect(errnoOf { try storage.link(directory + "/no", to: directory + "/c") } == ENOENT)
            try storage.open(directory + "/b", .readWrite).write("two", at: 0)
            #expect(try storage.text(of: directory + "/a") == "two")
            try storage.unlink(directory + "/a")
            #expect(try storage.text(of: directory + "/b") == "two")
        }
    }

    @Test(arguments: StorageKind.allCases) func statusTellsKindAndSize(_ kind: StorageKind) throws {
        try kind.run { storage, directory in
            try storage.make(directory + "/a", "12345")
            #expect(try storage.status(of: directory + "/a") == FileStatus(kind: .file, size: 5))
            #expect(try storage.status(of: directory)?.kind == .directory)
            #expect(try storage.status(of: directory + "/no") == nil)
            #expect(try storage.status(of: directory + "/a/no") == nil)
            #expect(try storage.freeBytes(at: directory) > 0)
            #expect(errnoOf { _ = try storage.freeBytes(at: directory + "/no") } == ENOENT)
            #expect(errnoOf { try storage.syncDirectory(directory + "/no") } == ENOENT)
        }
    }

    @Test(arguments: StorageKind.allCases) func smallFilesAreReadAndReplacedWhole(_ kind: StorageKind) throws {
        try kind.run { storage, directory in
            let path = directory + "/meta"
            #expect(try storage.contents(of: path, limit: 10) == nil)
            try storage.replace(path, with: [1, 2, 3])
            try storage.make(path + ".tmp", "left over from a crash")
            try storage.replace(path, with: [4, 5])
            #expect(try storage.contents(of: path, limit: 2) == [4, 5])
            #expect(try storage.list(directory) == ["meta"])
            #expect(errnoOf { _ = try storage.contents(of: path, limit: 1) } == EFBIG)
        }
    }

    @Test func manyThreadsCloseWhileOthersRead() throws {
        try StorageKind.posix.run { storage, directory in
            try storage.make(directory + "/a", String(repeating: "x", count: 4_096))
            for _ in 0..<50 {
                let file = try storage.open(directory + "/a", .read)
                DispatchQueue.concurrentPerform(iterations: 8) { index in
                    if index == 7 { return file.close() }
                    for _ in 0..<20 {
                        do {
                            let text = try file.text(4_096, at: 0)
                            #expect(text.utf8.count == 4_096)
                        } catch { #expect((error as? IOFault)?.errno == EBADF) }
                    }
                }
            }
        }
    }

    @Test func filesAreOursAloneAndLinksAreNotFollowed() throws {
        try StorageKind.posix.run { storage, directory in
            try storage.make(directory + "/a")
            try storage.makeDirectory(directory + "/d")
            let manager = FileManager.default
            let mode = { try manager.attributesOfItem(atPath: directory + $0)[.posixPermissions] as? Int }
            #expect(try mode("/a") == 0o600)
            #expect(try mode("/d") == 0o700)
            try manager.createSymbolicLink(atPath: directory + "/l", withDestinationPath: directory + "/a")
            #expect(errnoOf { _ = try storage.open(directory + "/l", .read) } == ELOOP)
            #expect(try storage.status(of: directory + "/l")?.kind == .symbolicLink)
        }
    }
}
