import Foundation
import MillraceCore
import Testing

/// A storage and an empty directory in it: the conformance suite runs over each kind.
enum StorageKind: String, CaseIterable, CustomTestStringConvertible {
    case posix, simulated

    var testDescription: String { rawValue }

    func run(_ body: (any Storage, _ directory: String) throws -> Void) throws {
        switch self {
        case .simulated:
            let storage = SimulatedStorage()
            try storage.makeDirectory("/data")
            try body(storage, "/data")
        case .posix:
            let directory = NSTemporaryDirectory() + "/millrace-storage-\(UUID().uuidString)"
            let storage = PosixStorage()
            try storage.makeDirectory(directory)
            defer { try? FileManager.default.removeItem(atPath: directory) }
            try body(storage, directory)
        }
    }
}

extension StorageFile {
    func write(_ text: String, at offset: Int64) throws(IOFault) {
        try Array(text.utf8).lending { (bytes) throws(IOFault) in try self.write(bytes, at: offset) }
    }
    func text(_ count: Int, at offset: Int64) throws(IOFault) -> String {
        var bytes = [UInt8](repeating: 0, count: count)
        let read = try bytes.reading { (buffer) throws(IOFault) in try self.read(into: buffer, at: offset) }
        return String(decoding: bytes.prefix(read), as: UTF8.self)
    }
}

extension Storage {
    func text(of path: String) throws(IOFault) -> String? {
        try contents(of: path, limit: 1 << 20).map { String(decoding: $0, as: UTF8.self) }
    }
    func make(_ path: String, _ text: String = "") throws(IOFault) {
        let file = try open(path, .create)
        try file.write(text, at: 0)
        file.close()
    }
}

/// The errno a call fails with; 0 when it works.
func errnoOf(_ body: () throws -> Void) -> Int32 {
    do {
        try body()
        return 0
    } catch { return (error as? IOFault)?.errno ?? -1 }
}

extension MappedBytes {
    var copy: [UInt8] { withExtendedLifetime(self) { Array(bytes) } }
}
