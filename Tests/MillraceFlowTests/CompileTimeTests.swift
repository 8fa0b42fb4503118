import Foundation
import Testing

/// A pipeline of twelve operators type-checks without an annotation in less than a second, and what types can rule out
/// is ruled out.
@Suite struct CompileTimeTests {
    static let source = """
        import MillraceCore
        import MillraceFlow

        struct Reading: Record, Codable {
            var sensor: String
            var celsius: Double
            var at: EventTime
        }

        struct TwelveSteps: Pipeline {
            var body: some Flow<Reading, Pane<String, Double>> {
                Events<Reading>()
                    .filter { $0.celsius > -90 && $0.celsius < 60 }
                    .tap { _ in }
                    .map(to: Reading.self) { Reading(sensor: $0.sensor, celsius: $0.celsius + 0.5, at: $0.at) }
                    .compactMap(to: Reading.self) { $0.sensor.isEmpty ? nil : $0 }
                    .filter { $0.celsius * 2 - 1 != 0 }
                    .flatMap(to: Reading.self) { [$0, $0] }
                    .split(to: SideOutput("hot")) { $0.celsius > 40 }
                    .timed(by: \\.at, outOfOrder: .seconds(2))
                    .keyed(by: \\.sensor)
                    .deduplicate(within: .seconds(1))
                    .window(.tumbling(.seconds(10)), lateness: .seconds(5), trigger: .atWatermark(early: .count(10)))
                    .mean { $0.celsius * 1.8 + 32 }
            }
        }
        """

    /// The directory the tests were built into: it holds the modules.
    static var products: URL? {
        let start = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        return [start, URL(fileURLWithPath: ".build/debug")].first {
            FileManager.default.fileExists(atPath: $0.appendingPathComponent("Modules/MillraceFlow.swiftmodule").path)
        }
    }

    /// Every line marked so must be refused, and nothing else.
    static let refused = """
        import MillraceCore
        import MillraceFlow

        struct Reading: Record, Codable {
            var sensor: String
            var celsius: Double
            var at: EventTime
        }
        struct Ceiling: Record, Codable {
            var sensor: UInt64
            var celsius: Double
        }
        final class Tally { var count = 0 }
        let readings = Events<Reading>().timed(by: \\.at)

        let windowBeforeKey = readings.window(.tumbling(.seconds(10)))  // refused
        let stateBeforeKey = readings.deduplicate(within: .seconds(1))  // refused
        let joinBeforeKey = readings.join(readings, before: .zero, after: .zero)  // refused
        let keyThatIsNotThere = readings.keyed()  // refused
        let otherKeys = readings.keyed(by: \\.sensor).join(latest: Events<Ceiling>().keyed(by: \\.sensor))  // refused
        let sessionsThatCannotMerge = readings.keyed(by: \\.sensor).window(.session(gap: .seconds(1)))
            .aggregate(Fold(into: 0) { $0 += 1 })  // refused
        func notSendable(_ tally: Tally) { _ = readings.tap { _ in tally.count += 1 } }  // refused
        let sameKeys = readings.keyed(by: \\.sensor).join(readings.keyed(by: \\.sensor), before: .zero, after: .zero)
        """

    @Test(.enabled(if: canCompile, "needs the compiler and the modules of a debug build"))
    func twelveOperators() throws {
        let (status, said) = try Self.compile(
            Self.source, ["-Xfrontend", "-warn-long-expression-type-checking=1000", "-warnings-as-errors"])
        #expect(status == 0, "\(said)")
    }

    @Test(.enabled(if: canCompile, "needs the compiler and the modules of a debug build"))
    func whatCannotBeIsRefusedByTheCompiler() throws {
        let (_, said) = try Self.compile(Self.refused, [])
        let lines = Self.refused.split(separator: "\n", omittingEmptySubsequences: false)
        let marked = Set(lines.indices.filter { lines[$0].contains("// refused") }.map { $0 + 1 })
        let errors = said.split(separator: "\n").filter { $0.contains(".swift:") && $0.contains(": error:") }
        let found = Set(errors.compactMap { Int($0.split(separator: ":")[1]) })
        #expect(found == marked, "\(said)")
    }

    static var canCompile: Bool { products != nil && FileManager.default.isExecutableFile(atPath: "/usr/bin/env") }

    static func compile(_ source: String, _ options: [String]) throws -> (status: Int32, said: String) {
        let products = try #require(products)
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("millrace-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let file = directory.appendingPathComponent("Source.swift")
        try source.write(to: file, atomically: true, encoding: .utf8)
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        var arguments = ["swiftc", "-typecheck", "-swift-version", "6", "-parse-as-library"]
        arguments += ["-I", products.appendingPathComponent("Modules").path]
        for module in ["CPlatform", "CSimdjson"] {
            let map = products.appendingPathComponent("\(module).build/module.modulemap").path
            arguments += ["-Xcc", "-fmodule-map-file=\(map)"]
        }
        compiler.arguments = arguments + options + [file.path]
        let pipe = Pipe()
        compiler.standardError = pipe
        compiler.standardOutput = pipe
        try compiler.run()
        let said = pipe.fileHandleForReading.readDataToEndOfFile()
        compiler.waitUntilExit()
        return (compiler.terminationStatus, String(decoding: said, as: UTF8.self))
    }
}
