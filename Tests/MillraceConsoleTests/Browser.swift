import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Headless Chromium through chromedriver's protocol (W3C WebDriver over HTTP).
final class Browser: @unchecked Sendable {
    // Sendable because one test uses it, one call at a time.
    private let driver = Process()
    private let base: URL
    private var session = ""

    static let driverPath = ["/usr/bin/chromedriver", "/usr/lib/chromium/chromedriver"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    static var isWanted: Bool {
        driverPath != nil && ProcessInfo.processInfo.environment["MILLRACE_BROWSER"] == "1"
    }

    init(width: Int, height: Int) async throws {
        let port = Int.random(in: 20_000...40_000)
        base = URL(string: "http://127.0.0.1:\(port)")!
        driver.executableURL = URL(fileURLWithPath: Self.driverPath ?? "")
        driver.arguments = ["--port=\(port)"]
        (driver.standardOutput, driver.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
        try driver.run()
        let arguments = [
            "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=\(width),\(height)",
        ]
        let wanted: [String: Any] = [
            "capabilities": [
                "alwaysMatch": [
                    "goog:chromeOptions": ["args": arguments], "goog:loggingPrefs": ["browser": "ALL"],
                ]
            ]
        ]
        for attempt in 0..<100 {
            if let value = try? await call("POST", "/session", wanted) as? [String: Any],
                let id = value["sessionId"] as? String
            {
                session = "/session/\(id)"
                return
            }
            guard attempt < 99, driver.isRunning else { break }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw Trouble(text: "no session with chromedriver")
    }

    deinit { if driver.isRunning { driver.terminate() } }

    struct Trouble: Error { let text: String }

    private func call(_ method: String, _ path: String, _ body: [String: Any]? = nil) async throws -> Any? {
        var request = URLRequest(url: base.appendingPathComponent(path), timeoutInterval: 30)
        request.httpMethod = method
        if let body {
            request.httpBody = try JSONSerialization.data(withJSONObject: body)
            request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        }
        let (data, _) = try await URLSession.shared.data(for: request)
        let answer = try JSONSerialization.jsonObject(with: data, options: [.fragmentsAllowed]) as? [String: Any]
        if let value = answer?["value"] as? [String: Any], let error = value["error"] as? String {
            throw Trouble(text: "\(error): \(value["message"] ?? "")")
        }
        return answer?["value"]
    }

    func open(_ url: String) async throws { _ = try await call("POST", session + "/url", ["url": url]) }

    /// What a script body returns.
    func run(_ script: String) async throws -> Any? {
        try await call("POST", session + "/execute/sync", ["script": script, "args": [Any]()])
    }

    /// Asks again until the script returns true.
    func until(_ script: String, seconds: Double = 60) async throws -> Bool {
        let end = Date().addingTimeInterval(seconds)
        while Date() < end {
            if try await run("return Boolean(\(script))") as? Bool == true { return true }
            try await Task.sleep(for: .milliseconds(50))
        }
        return false
    }

    /// Everything the page wrote to the console, errors of the network among it.
    func console() async throws -> [String] {
        let log = try await call("POST", session + "/se/log", ["type": "browser"]) as? [[String: Any]] ?? []
        return log.compactMap { $0["message"] as? String }
    }

    func quit() async {
        _ = try? await call("DELETE", session)
        driver.terminate()
    }
}
