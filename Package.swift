// swift-tools-version: 6.2
import PackageDescription

/// The strictest settings there are, for every Swift target of the package.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let package = Package(
    name: "millrace",
    platforms: [.macOS(.v26)],
    products: [
        .library(name: "Millrace", targets: ["Millrace"]),
        .library(name: "MillraceTesting", targets: ["MillraceTesting"]),
        .library(name: "MillraceRuntime", targets: ["MillraceRuntime"]),
        .library(name: "MillraceKafka", targets: ["MillraceKafka"]),
        .library(name: "MillraceCassandra", targets: ["MillraceCassandra"]),
        .executable(name: "millrace", targets: ["MillraceCommand"]),
        .executable(name: "millrace-bench", targets: ["BenchmarkSuite"]),
    ],
    targets: [
        // C: our own shims, and the system's libraries.
        .target(name: "CPlatform"),
        .target(name: "CSimdjson", linkerSettings: [.linkedLibrary("simdjson")]),
        .systemLibrary(
            name: "CRocksDB", pkgConfig: "rocksdb",
            providers: [.apt(["librocksdb-dev"]), .brew(["rocksdb"])]),
        .systemLibrary(
            name: "CCodecs", pkgConfig: "liblz4",
            providers: [
                .apt(["liblz4-dev", "libzstd-dev", "libsnappy-dev", "zlib1g-dev"]),
                .brew(["lz4", "zstd", "snappy", "zlib"]),
            ]),
        .systemLibrary(
            name: "CMicrohttpd", pkgConfig: "libmicrohttpd",
            providers: [.apt(["libmicrohttpd-dev"]), .brew(["libmicrohttpd"])]),
        .systemLibrary(
            name: "CLibuv", pkgConfig: "libuv",
            providers: [.apt(["libuv1-dev"]), .brew(["libuv"])]),
        .systemLibrary(
            name: "CRdKafka", pkgConfig: "rdkafka",
            providers: [.apt(["librdkafka-dev"]), .brew(["librdkafka"])]),

        // The layers. An arrow points from a target to what it may use, and only down.
        library("MillraceCore", ["CPlatform"]),
        library("MillraceLog", ["MillraceCore", "CCodecs"]),
        library("MillraceTables", ["MillraceCore", "CRocksDB"]),
        library("MillraceFlow", ["MillraceCore", "CSimdjson"]),
        library("MillraceRuntime", ["MillraceCore", "CPlatform"]),
        library(
            "MillraceEngine",
            ["CPlatform", "MillraceCore", "MillraceLog", "MillraceTables", "MillraceFlow", "MillraceRuntime"]),
        library(
            "MillraceConsole",
            [
                "MillraceCore", "MillraceLog", "MillraceTables", "MillraceFlow", "MillraceRuntime", "MillraceEngine",
                "CMicrohttpd",
            ]),
        library("MillraceKafka", ["MillraceCore", "MillraceEngine", "CRdKafka"]),
        library("MillraceCassandra", ["MillraceCore", "MillraceEngine", "CLibuv"]),
        library("MillraceTesting", ["MillraceCore", "MillraceFlow"]),
        library(
            "Millrace",
            [
                "MillraceCore", "MillraceLog", "MillraceTables", "MillraceFlow", "MillraceRuntime", "MillraceEngine",
                "MillraceConsole",
            ]),
        .executableTarget(
            name: "MillraceCommand",
            dependencies: ["CPlatform", "MillraceCore", "MillraceLog", "MillraceTables", "MillraceEngine", "Millrace"],
            swiftSettings: strict),

        // Samples: each one file that a newcomer can read whole.
        .executableTarget(
            name: "PageViewsSample", dependencies: ["Millrace"], path: "samples/page-views", exclude: ["README.md"],
            swiftSettings: strict),
        .executableTarget(
            name: "AdClicksSample", dependencies: ["Millrace"], path: "samples/ad-clicks", exclude: ["README.md"],
            swiftSettings: strict),
        .executableTarget(
            name: "SensorAlertsSample", dependencies: ["Millrace"], path: "samples/sensor-alerts",
            exclude: ["README.md"], swiftSettings: strict),
        .executableTarget(
            name: "NexmarkSample", dependencies: ["BenchmarkData", "Millrace", "MillraceCore", "MillraceFlow"],
            path: "samples/nexmark", exclude: ["README.md", "run"], swiftSettings: strict),
        tests(
            "SamplesTests",
            [
                "AdClicksSample", "NexmarkSample", "PageViewsSample", "SensorAlertsSample", "BenchmarkData", "Millrace",
                "MillraceTesting",
            ]),

        // Benchmarks: data made from a seed, the harness, and the suite that `./millrace bench` runs.
        .target(
            name: "BenchmarkData", dependencies: ["MillraceCore"], path: "Benchmarks/Data", swiftSettings: strict),
        .target(name: "Counters", path: "Benchmarks/Counters"),
        .target(
            name: "BenchmarkReport", dependencies: ["MillraceCore", "MillraceFlow"], path: "Benchmarks/Report",
            swiftSettings: strict),
        tests("BenchmarkTests", ["BenchmarkData", "BenchmarkReport", "MillraceCore"]),
        .target(
            name: "BenchmarkHarness", dependencies: ["BenchmarkReport", "CPlatform", "Counters", "MillraceCore"],
            path: "Benchmarks/Harness", swiftSettings: strict),
        .executableTarget(
            name: "BenchmarkSuite",
            dependencies: [
                "BenchmarkData", "BenchmarkHarness", "BenchmarkReport", "LogBenchmark", "Millrace", "MillraceCore",
                "MillraceFlow",
                "MillraceLog", "MillraceTables",
            ],
            path: "Benchmarks/Suite", swiftSettings: strict),

        .target(
            name: "LogBenchmark", dependencies: ["BenchmarkHarness", "CPlatform", "MillraceCore", "MillraceLog"],
            path: "Benchmarks/LogBenchmark", swiftSettings: strict),

        .executableTarget(
            name: "TablesBenchmark", dependencies: ["BenchmarkReport", "MillraceCore", "MillraceTables"],
            path: "Benchmarks/TablesBenchmark", exclude: ["run"], swiftSettings: strict),
        .executableTarget(
            name: "ConsoleBenchmark",
            dependencies: ["BenchmarkReport", "MillraceConsole", "MillraceCore", "MillraceTables", "PlainSockets"],
            path: "Benchmarks/ConsoleBenchmark", exclude: ["run"], swiftSettings: strict),

        tests("MillraceCoreTests", ["MillraceCore"]),
        tests("MillraceLogTests", ["MillraceCore", "MillraceLog", "LogProbe"]),
        .executableTarget(
            name: "LogProbe", dependencies: ["MillraceCore", "MillraceLog"], path: "Tests/LogProbe",
            swiftSettings: strict),
        tests("MillraceTablesTests", ["MillraceCore", "MillraceTables"]),
        tests("MillraceFlowTests", ["MillraceCore", "MillraceFlow", "MillraceTesting"]),
        tests("MillraceRuntimeTests", ["MillraceCore", "MillraceRuntime", "RuntimeProbe"]),
        .executableTarget(
            name: "RuntimeProbe", dependencies: ["MillraceCore", "MillraceRuntime"], path: "Tests/RuntimeProbe",
            swiftSettings: strict),
        .executableTarget(
            name: "EngineProbe",
            dependencies: ["MillraceCore", "MillraceEngine", "MillraceFlow", "MillraceLog", "MillraceRuntime"],
            path: "Tests/EngineProbe", swiftSettings: strict),
        tests(
            "MillraceEngineTests",
            [
                "MillraceCore", "MillraceLog", "MillraceTables", "MillraceFlow", "MillraceRuntime", "MillraceEngine",
                "MillraceTesting", "EngineProbe",
            ]),
        tests("MillraceCommandTests", ["MillraceCore", "MillraceCommand"]),
        tests(
            "MillraceConsoleTests",
            [
                "MillraceCore", "MillraceLog", "MillraceTables", "MillraceEngine", "MillraceConsole", "PlainSockets",
                "PageViewsSample",
            ]),
        .target(
            name: "PlainSockets", dependencies: ["MillraceCore"], path: "Tests/PlainSockets", swiftSettings: strict),
        tests("TidyTests", []),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
