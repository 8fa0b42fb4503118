import Foundation
import MillraceCore
import MillraceFlow
import Testing

@testable import MillraceEngine

private struct Sale: Record, Codable, Hashable {
    var shop: String
    var amount: Double
    var pieces: Int
    var at: EventTime
    var note: String?
}

private struct AllSales: Pipeline {
    var body: some Flow<Sale, Sale> { Events<Sale>() }
}

/// Files as sources, through a node that runs to their end.
@Suite struct FileSourceTests {
    private static let header = "shop,amount,pieces,at,note\n"
    private static func sale(_ n: Int) -> Sale {
        Sale(
            shop: "shop \(n % 3)", amount: Double(n) / 4, pieces: n, at: .seconds(Int64(n)),
            note: n % 2 == 0 ? nil : "odd")
    }
    private static func row(_ n: Int) -> String {
        let sale = sale(n)
        return "\(sale.shop),\(sale.amount),\(sale.pieces),\(sale.at),\(sale.note ?? "")\n"
    }

    private struct Run {
        var sales: [Sale]
        var letters: [DeadLetter]
        var failure: Failure?
    }

    /// Runs the source to its end in a node of its own.
    private func run(_ source: some PipelineInput<Sale>, _ fixture: NodeFixture? = nil) async throws -> Run {
        var own = fixture ?? NodeFixture(Topology())
        own.topology = Topology([source.feeds(AllSales()).into(Log<Sale>("sales").keeping())])
        defer { if fixture == nil { own.remove() } }
        let node = try own.start()
        var failure: Failure?
        do throws(Failure) { try await node.run() } catch { failure = error }
        let run = Run(
            sales: try node.records("sales", of: Sale.self), letters: try node.letters(of: "AllSales", limit: .max),
            failure: failure)
        await node.close()
        return run
    }

    private func write(_ texts: [String: String]) throws -> String {
        let directory = NSTemporaryDirectory() + "millrace-files-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        for (name, text) in texts { try text.write(toFile: directory + "/" + name, atomically: true, encoding: .utf8) }
        return directory
    }
    private func remove(_ directory: String) { try? FileManager.default.removeItem(atPath: directory) }

    // MARK: CSV

    @Test func rowsAreDecodedByTheirColumnsNames() async throws {
        let text =
            "\u{FEFF}note,at,pieces,unused,amount,shop\r\n"
            + "\"a \"\"b\"\", c\nd\",1970-01-01T00:00:07Z,3,x,2.5,\"north, left\"\r\n" + "\r\n"
            + ",8000000,-4,,1e3,007"
        let directory = try write(["sales.csv": text])
        defer { remove(directory) }
        let found = try await run(CSV<Sale>(file: directory + "/sales.csv"))
        #expect(found.failure == nil)
        #expect(found.letters.isEmpty)
        #expect(
            found.sales == [
                Sale(shop: "north, left", amount: 2.5, pieces: 3, at: .seconds(7), note: "a \"b\", c\nd"),
                Sale(shop: "007", amount: 1_000, pieces: -4, at: .seconds(8), note: nil),
            ])
    }

    @Test func aRowThatIsNoRecordIsADeadLetterWithItsColumnAndTheOthersGoOn() async throws {
        let text =
            Self.header + Self.row(1) + "a,b,3,4,\n" + "a,1,2\n" + "a,1,2,3,\"never closed\n" + Self.row(2)
            + "a,1,99999999999999999999,3,\n" + "a,1,2,yesterday,\n" + "a,1,2,3,x\"y\n" + Self.row(3)
        let directory = try write(["sales.csv": text])
        defer { remove(directory) }
        let found = try await run(CSV<Sale>(file: directory + "/sales.csv"))
        #expect(found.failure == nil)
        #expect(found.sales == [1, 2, 3].map(Self.sale))
        #expect(
            found.letters.map(\.error) == [
                "column amount: 'b' is no number", "3 fields, and 5 columns",
                "something behind a closing quote",
                "column pieces: '99999999999999999999' is no whole number that fits Int",
                "column at: 'yesterday' is no time as RFC 3339 writes it, and no microseconds",
                "a quote inside a field without quotes",
            ])
        #expect(found.letters.first?.value == Array("a,b,3,4,".utf8))
        let start = Int64((Self.header + Self.row(1)).utf8.count)
        #expect(found.letters.first?.sourceOffset == start)
    }

    @Test func aFileWithoutAColumnFailsAtOnceAndNamesThoseThatAreThere() async throws {
        let directory = try write(["sales.csv": "shop,amonut,pieces,at\na,1,2,3\n"])
        defer { remove(directory) }
        let found = try await run(CSV<Sale>(file: directory + "/sales.csv"))
        #expect(found.failure?.message == "there is no column 'amount'")
        #expect(found.failure?.advice.contains("Did you mean amonut?") == true)
        #expect(found.failure?.advice.contains("shop, amonut, pieces, at") == true)
    }

    @Test func columnsCanBeNamedAndSeparatedOtherwise() async throws {
        let directory = try write(["sales.csv": "a;1.5;2;3;\nb;2.5;3;4;x\n"])
        defer { remove(directory) }
        let found = try await run(
            CSV<Sale>(
                file: directory + "/sales.csv", columns: ["shop", "amount", "pieces", "at", "note"], separator: ";"))
        #expect(found.sales.map(\.shop) == ["a", "b"])
        #expect(found.sales.map(\.note) == [nil, "x"])
    }

    @Test func twoColumnsOfOneNameAndAFileThatIsNotThereAreRefused() async throws {
        let directory = try write(["sales.csv": "shop,shop\n", "empty.csv": ""])
        defer { remove(directory) }
        #expect(
            try await run(CSV<Sale>(file: directory + "/sales.csv")).failure?.message.contains("two columns") == true)
        #expect(try await run(CSV<Sale>(file: directory + "/none.csv")).failure?.code == .notFound)
        #expect(throws: Failure.self) { try CSV<Sale>(directory: directory, suffix: ".tsv") }
        // Nothing in it is nothing to read.
        #expect(try await run(CSV<Sale>(file: directory + "/empty.csv")).failure == nil)
    }

    @Test func aRowThatNeverEndsIsRejectedByItsFirstLineAndAnEndlessLineIsAFailure() async throws {
        let line = String(repeating: "x", count: 1_023) + "\n"
        let long = "a,1,2,3,\"" + String(repeating: line, count: Limits.csvRowBytes / 1_024 + 10)
        let directory = try write([
            "quote.csv": Self.header + long, "line.csv": Self.header + String(repeating: "x", count: 2 << 20),
        ])
        defer { remove(directory) }
        let quote = try await run(CSV<Sale>(file: directory + "/quote.csv"))
        #expect(quote.failure == nil)
        #expect(quote.letters.first?.error.contains("a row of more than") == true)
        #expect(quote.letters.count == Limits.csvRowBytes / 1_024 + 10)
        #expect(try await run(CSV<Sale>(file: directory + "/line.csv")).failure?.code == .limitReached)
    }

    @Test func aDirectoryIsReadWholeAndFilesThatAreAddedBehindToo() async throws {
        let directory = try write([
            "a.csv": Self.header + Self.row(1), "b.csv": Self.header + Self.row(2), "c.txt": "no",
        ])
        defer { remove(directory) }
        let fixture = NodeFixture(Topology())
        defer { fixture.remove() }
        let first = try await run(try CSV<Sale>(directory: directory), fixture)
        #expect(Set(first.sales) == Set([1, 2].map(Self.sale)))
        try (Self.header + Self.row(3)).write(toFile: directory + "/c.csv", atomically: true, encoding: .utf8)
        let second = try await run(try CSV<Sale>(directory: directory), fixture)
        #expect(second.sales.occurrences == [1, 2, 3].map(Self.sale).occurrences)
        // A file that sorts before the others would take their positions.
        try (Self.header + Self.row(4)).write(toFile: directory + "/0.csv", atomically: true, encoding: .utf8)
        await #expect(throws: Failure.self) { try await run(try CSV<Sale>(directory: directory), fixture) }
    }

    // MARK: Lines

    @Test func linesAreReadFromAnyPositionAndPiecesOfAnySizeGiveTheSame() throws {
        let storage = SimulatedStorage()
        let long = String(repeating: "y", count: 3 << 20)
        let lines = ["one", "", "two", long, "three", String(repeating: "z", count: 100), "last without an end"]
        let file = try storage.open("lines", .create)
        let bytes = Array(lines.joined(separator: "\n").utf8)
        try bytes.withUnsafeBytes { try file.write($0, at: 0) }
        let wanted = lines.filter { !$0.isEmpty }
        for size in [1, 10, 1 << 20, 64 << 20] {
            var found: [String] = []
            var position: Int64 = 0
            var outcome = ReadOutcome.more
            // A new reader each time: every position it stops at is one to go on from.
            while outcome == .more {
                let reader = try LineReader(try storage.open("lines", .read), from: position)
                outcome = try reader.read(maxBytes: size) { records in
                    found += records.map { String(decoding: $0.value!, as: UTF8.self) }
                }
                position = reader.position
            }
            #expect(found == wanted)
            #expect(position == Int64(bytes.count))
        }
    }

    // MARK: Standard input

    @Test func standardInputIsReadToItsEndAndWhatIsNotCommittedIsReadAgain() async throws {
        let text = (0..<5_000).map { #"{"shop":"s","amount":1,"pieces":\#($0),"at":\#($0)}"# }.joined(separator: "\n")
        let bytes = Array(text.utf8)
        let place = Lock(0)
        // In pieces that end anywhere.
        let source = StandardInput<Sale> { buffer in
            place.withLock { place in
                let count = min(buffer.count, bytes.count - place, 1 + place % 997)
                buffer.copyBytes(from: bytes[place..<place + count])
                place += count
                return count
            }
        }
        let found = try await run(source)
        #expect(found.failure == nil)
        #expect(found.sales.map(\.pieces) == Array(0..<5_000))
    }

    @Test func aReaderOfStandardInputGoesOnWhereTheLastCommitWasAndNoFurtherBack() throws {
        let once = FirstCall()
        let pipe = InputPipe { buffer in
            guard once.isIt() else { return 0 }
            buffer.copyBytes(from: Array("one\ntwo\nthree\n".utf8))
            return 14
        }
        func read(from position: Int64) throws -> [String] {
            let reader = try PipeReader(pipe, from: position)
            var lines: [String] = []
            var outcome = ReadOutcome.empty
            while outcome != .ended {
                outcome = try reader.read(maxBytes: 1 << 20) {
                    lines += $0.map { String(decoding: $0.value!, as: UTF8.self) }
                }
            }
            return lines
        }
        #expect(try read(from: 100) == ["one", "two", "three"])
        #expect(try read(from: 104) == ["two", "three"])
        pipe.letGo(before: 108)
        #expect(try read(from: 108) == ["three"])
        #expect(throws: Failure.self) { try read(from: 104) }
    }
}

private final class FirstCall: Sendable {
    private let done = Lock(false)
    func isIt() -> Bool {
        done.withLock { done in
            defer { done = true }
            return !done
        }
    }
}
