import Foundation
import Testing

/// A pipeline of twelve operators type-checks without an annotation in less than a second.
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

    @Test(
        .enabled("needs the compiler and the modules of a debug build") {
            products != nil && FileManager.default.isExecutableFile(atPath: "/usr/bin/env")
        })
    func twelveOperators() throws {
        let products = try #require(Self.products)
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("millrace-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let file = directory.appendingPathComponent("Twelve.swift")
        try Self.source.write(to: file, atomically: true, encoding: .utf8)
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        var arguments = ["swiftc", "-typecheck", "-swift-version", "6", "-parse-as-library"]
        arguments += ["-I", products.appendingPathComponent("Modules").path]
        for module in ["CPlatform", "CSimdjson"] {
            let map = products.appendingPathComponent("\(module).build/module.modulemap").path
            arguments += ["-Xcc", "-fmodule-map-file=\(map)"]
        }
        arguments += ["-Xfrontend", "-warn-long-expression-type-checking=1000", "-warnings-as-errors", file.path]
        compiler.arguments = arguments
        let pipe = Pipe()
        compiler.standardError = pipe
        compiler.standardOutput = pipe
        try compiler.run()
        let said = pipe.fileHandleForReading.readDataToEndOfFile()
        compiler.waitUntilExit()
        #expect(compiler.terminationStatus == 0, "\(String(decoding: said, as: UTF8.self))")
    }
}
