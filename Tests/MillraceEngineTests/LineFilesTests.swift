import MillraceCore
import MillraceFlow
import Testing

@testable import MillraceEngine

private struct Count: CodableRow, Hashable {
    var key: String
    var value: Int
}

/// Results as files: each commit's appears whole and once, wherever the power goes.
@Suite struct LineFilesTests {
    private func rows(_ commit: Int64) -> RowBuffer {
        var rows = RowBuffer(layout: .of(Count.self))
        for n in 0..<3 { rows.append(Count(key: "k\(n)", value: Int(commit) * 10 + n), at: .seconds(1)) }
        return rows
    }
    private func storage(seed: UInt64) throws -> SimulatedStorage {
        let storage = SimulatedStorage(seed: seed)
        try storage.makeDirectory("d")
        try storage.syncDirectory("")
        return storage
    }
    private func text(_ commit: Int64) -> String {
        (0..<3 as Range<Int64>).map { "{\"key\":\"k\($0)\",\"value\":\(commit * 10 + $0)}\n" }.joined()
    }
    private func files(_ storage: SimulatedStorage) throws -> [String: String] {
        var found: [String: String] = [:]
        for name in try storage.list("d/out") {
            found[name] = String(
                decoding: try storage.contents(of: "d/out/" + name, limit: 1 << 20) ?? [], as: UTF8.self)
        }
        return found
    }
    private func name(_ commit: Int64) -> String { "counts-0-0-00000000000\(commit).ndjson" }

    @Test func aCommitsRowsAreOneFileWhenItIsPublished() throws {
        let storage = try storage(seed: 1)
        let writer = try LineFiles(directory: "d/out", storage: storage).writer(
            task: "counts/0/0", layout: rows(1).layout)
        try writer.recover(lastCommit: 0)
        try writer.prepare(rows(1), commit: 1)
        #expect(try files(storage).keys.allSatisfy { $0.hasSuffix(".part") })
        try writer.publish(commit: 1)
        #expect(try files(storage) == [name(1): text(1)])
        // A commit without rows makes no file.
        try writer.prepare(RowBuffer(layout: rows(1).layout), commit: 2)
        try writer.publish(commit: 2)
        #expect(try files(storage).count == 1)
    }

    /// Power off at every call of two commits, the second decided or not: then the task starts anew from its mark.
    @Test func powerOffAtAnyCallLosesNothingThatWasCommittedAndShowsNothingElse() throws {
        var isCut = true
        var call = 1
        while isCut {
            for isDecided in [false, true] {
                let storage = try storage(seed: UInt64(call))
                let sink = LineFiles(directory: "d/out", storage: storage)
                let writer = try sink.writer(task: "counts/0/0", layout: rows(1).layout)
                try writer.recover(lastCommit: 0)
                storage.powerOff(atCall: call)
                var mark: Int64 = 0
                do {
                    try writer.prepare(rows(1), commit: 1)
                    mark = 1
                    try writer.publish(commit: 1)
                    try writer.prepare(rows(2), commit: 2)
                    if isDecided { mark = 2 }
                    if isDecided { try writer.publish(commit: 2) }
                } catch {}
                isCut = storage.isOff
                var random = SeededRandom(seed: UInt64(call))
                storage.crash(using: &random)
                let again = try sink.writer(task: "counts/0/0", layout: rows(1).layout)
                try again.recover(lastCommit: mark)
                // The task goes on behind its mark and makes the same again.
                for commit in mark + 1..<4 {
                    try again.prepare(rows(commit), commit: commit)
                    try again.publish(commit: commit)
                }
                let wanted = Dictionary(
                    uniqueKeysWithValues: (1...3 as ClosedRange<Int64>).map { (name($0), text($0)) })
                #expect(try files(storage) == wanted, "call \(call), decided \(isDecided)")
            }
            call += 1
        }
        #expect(call > 8)
    }
}
