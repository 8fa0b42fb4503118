import Foundation

/// Apache Beam's scenarios for windows, triggers and lateness, from the wheel on PyPI. They are Beam's (Apache License
/// 2.0) and are read at test time, not kept here.
///
/// `MILLRACE_BEAM_WHEEL` names a wheel that is there already. A downloaded one is kept in the temporary directory.
enum BeamTranscripts {
    struct Scenario: Sendable, CustomStringConvertible {
        enum Action: Sendable {
            case input([Int])
            case watermark(Int)
            case expect([Expected])
            /// Looks into Beam's own state.
            case state
        }
        struct Expected: Sendable {
            var window: [Int]
            var values: [Int]?
            var timestamp: Int?
            var index: Int?
            var early: Bool?
            var late: Bool?
            var isFinal: Bool?
        }
        /// The name and, where Beam uses one twice, the number of its occurrence.
        var name: String
        var window: String
        var trigger: String
        var combiner: String
        var lateness: Int
        var isDiscarding: Bool
        /// The transcript is wrong, and has to be found so.
        var isWrong: Bool
        var actions: [Action]
        var description: String { name }
    }

    static let all: [Scenario] = (try? load()) ?? []
    static var areThere: Bool { !all.isEmpty }

    private struct Unavailable: Error {}
    private static let reader = """
        import glob, json, subprocess, sys, zipfile
        folder, wheel = sys.argv[1], sys.argv[2]
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
        if not wheel:
            found = glob.glob(folder + "/apache_beam-*.whl")
            if not found:
                subprocess.run(pip + ["download", "--no-deps", "--only-binary=:all:", "-d", folder, "apache-beam"],
                               check=True, timeout=120, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                found = glob.glob(folder + "/apache_beam-*.whl")
            wheel = found[0]
        try:
            import yaml
        except ImportError:
            subprocess.run(pip + ["install", "--no-deps", "--target", folder + "/yaml", "pyyaml"],
                           check=True, timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            sys.path.insert(0, folder + "/yaml")
            import yaml
        text = zipfile.ZipFile(wheel).read("apache_beam/testing/data/trigger_transcripts.yaml")
        print(json.dumps(list(yaml.safe_load_all(text))))
        """

    private static func load() throws -> [Scenario] {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("millrace-beam").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let wheel = ProcessInfo.processInfo.environment["MILLRACE_BEAM_WHEEL"] ?? ""
        process.arguments = ["python3", "-c", reader, folder, wheel]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0,
            let documents = try JSONSerialization.jsonObject(with: data) as? [[String: Any]]
        else { throw Unavailable() }
        var seen: [String: Int] = [:]
        return documents.map { document in
            let name = document["name"] as? String ?? "unnamed"
            seen[name, default: 0] += 1
            return scenario(seen[name] == 1 ? name : "\(name) \(seen[name] ?? 0)", document)
        }
    }

    private static func scenario(_ name: String, _ document: [String: Any]) -> Scenario {
        let actions = (document["transcript"] as? [[String: Any]] ?? []).map { action -> Scenario.Action in
            if let times = action["input"] as? [Int] { return .input(times) }
            if let time = action["watermark"] as? Int { return .watermark(time) }
            guard let expected = action["expect"] as? [[String: Any]] else { return .state }
            return .expect(
                expected.map { pane in
                    Scenario.Expected(
                        window: pane["window"] as? [Int] ?? [], values: pane["values"] as? [Int],
                        timestamp: pane["timestamp"] as? Int, index: pane["index"] as? Int,
                        early: pane["early"] as? Bool, late: pane["late"] as? Bool, isFinal: pane["final"] as? Bool)
                })
        }
        return Scenario(
            name: name, window: document["window_fn"] as? String ?? "GlobalWindows",
            trigger: document["trigger_fn"] as? String ?? "Default",
            combiner: document["timestamp_combiner"] as? String ?? "OUTPUT_AT_EOW",
            lateness: document["allowed_lateness"] as? Int ?? 0,
            isDiscarding: document["accumulation_mode"] as? String == "discarding", isWrong: document["error"] != nil,
            actions: actions)
    }
}
