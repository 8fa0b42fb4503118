import Foundation
import MillraceCore
import Testing

/// The same random calls on the real file system and on the simulated one: every answer and every errno is the same.
@Suite struct StorageDifferentialTests {
    /// One side: a storage, and what the script has open on it.
    private final class Side {
        let storage: any Storage
        let directory: String
        var files: [Int: any StorageFile] = [:]

        init(_ storage: any Storage, _ directory: String) { (self.storage, self.directory) = (storage, directory) }

        func path(_ name: String) -> String { name.isEmpty ? directory : directory + "/" + name }

        /// What a call gives, as text that can be compared.
        func run(_ step: Step) -> String {
            do {
                return try attempt(step)
            } catch {
                let fault = error as? IOFault
                return "\(fault?.call.rawValue ?? "?") errno \(fault?.errno ?? -1)"
            }
        }

        private func attempt(_ step: Step) throws -> String {
            switch step {
            case .open(let slot, let name, let mode):
                files[slot]?.close()
                files[slot] = nil
                files[slot] = try storage.open(path(name), mode)
            case .close(let slot): files[slot]?.close()
            case .write(let slot, let byte, let count, let offset):
                let bytes = [UInt8](repeating: byte, count: count)
                try bytes.lending { (b) throws(IOFault) in try files[slot]?.write(b, at: offset) }
            case .read(let slot, let count, let offset):
                var bytes = [UInt8](repeating: 0xEE, count: count)
                let read = try bytes.reading { (b) throws(IOFault) in try files[slot]?.read(into: b, at: offset) ?? 0 }
                return "\(read) \(bytes)"
            case .map(let slot, let length, let offset):
                guard let map = try files[slot]?.map(offset: offset, length: length) else { return "" }
                return map.copy.description
            case .truncate(let slot, let length): try files[slot]?.truncate(to: length)
            case .size(let slot): return "\(try files[slot]?.size() ?? 0)"
            case .sync(let slot): try files[slot]?.sync()
            case .lock(let slot): return "\(try files[slot]?.lockExclusively() ?? false)"
            case .rename(let from, let to): try storage.rename(path(from), to: path(to))
            case .link(let from, let to): try storage.link(path(from), to: path(to))
            case .unlink(let name): try storage.unlink(path(name))
            case .makeDirectory(let name): try storage.makeDirectory(path(name))
            case .removeDirectory(let name): try storage.removeDirectory(path(name))
            case .list(let name): return "\(try storage.list(path(name)))"
            case .status(let name):
                guard let status = try storage.status(of: path(name)) else { return "nothing" }
                return status.kind == .file ? "file \(status.size)" : "\(status.kind)"
            case .syncDirectory(let name): try storage.syncDirectory(path(name))
            case .contents(let name): return "\(try storage.contents(of: path(name), limit: 100) ?? [])"
            case .replace(let name, let byte): try storage.replace(path(name), with: [byte, byte])
            }
            return "done"
        }
    }

    private enum Step {
        case open(Int, String, OpenMode), close(Int), write(Int, UInt8, Int, Int64), read(Int, Int, Int64)
        case map(Int, Int, Int64), truncate(Int, Int64), size(Int), sync(Int), lock(Int)
        case rename(String, String), link(String, String), unlink(String), makeDirectory(String)
        case removeDirectory(String), list(String), status(String), syncDirectory(String), contents(String)
        case replace(String, UInt8)

        static func random(_ random: inout SeededRandom) -> Step {
            let names = ["a", "b", "d", "d/a", "d/b", "d/e", "d/e/a", "b/x", "no/x"]
            func name() -> String { names.randomElement(using: &random)! }
            func slot() -> Int { Int.random(in: 0..<3, using: &random) }
            func offset() -> Int64 { random.chance(1, in: 20) ? -1 : Int64.random(in: 0..<40, using: &random) }
            func count() -> Int { Int.random(in: 0..<20, using: &random) }
            switch Int.random(in: 0..<26, using: &random) {
            case 0...3:
                let modes: [OpenMode] = [.create, .create, .read, .readWrite, .createNew]
                return .open(slot(), name(), modes.randomElement(using: &random)!)
            case 4: return .close(slot())
            case 5...7: return .write(slot(), UInt8.random(in: 1...255, using: &random), count(), offset())
            case 8...9: return .read(slot(), count(), offset())
            case 10: return .map(slot(), count(), offset())
            case 11: return .truncate(slot(), offset())
            case 12: return .size(slot())
            case 13: return .sync(slot())
            case 14: return .lock(slot())
            case 15...16: return .rename(name(), name())
            case 17: return .link(name(), name())
            case 18: return .unlink(name())
            case 19...20: return .makeDirectory(name())
            case 21: return .removeDirectory(name())
            case 22: return .list(random.chance(1, in: 3) ? "" : name())
            case 23: return .status(name())
            case 24: return random.chance(1, in: 2) ? .syncDirectory(name()) : .contents(name())
            default: return .replace(name(), UInt8.random(in: 1...255, using: &random))
            }
        }
    }

    @Test func everyAnswerIsTheSame() throws {
        for seed in Seeds.first(60) {
            try StorageKind.posix.run { real, directory in
                var random = SeededRandom(seed: seed)
                let simulated = SimulatedStorage()
                try simulated.makeDirectory("/data")
                let sides = (Side(real, directory), Side(simulated, "/data"))
                var history: [String] = []
                for _ in 0..<300 {
                    let step = Step.random(&random)
                    let (truth, answer) = (sides.0.run(step), sides.1.run(step))
                    history.append("\(step) → \(truth)")
                    let story = history.suffix(12).joined(separator: "\n")
                    try #require(answer == truth, "\(Seeds.hint(seed))\n\(story)")
                }
            }
        }
    }
}
