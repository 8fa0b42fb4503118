import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// `kill`, where a method has that name.
private func end(process: pid_t) { _ = kill(process, SIGKILL) }

/// Headless Chromium through chromedriver's protocol (W3C WebDriver over HTTP).
///
/// Nothing may be left behind, whatever happens to the test: `with` ends the browser in any case, and should the test
/// process itself be killed, `timeout` ends the driver's process group, which Chromium stays in.
final class Browser: @unchecked Sendable {
    // Sendable because one test uses it, one call at a time.
    private let driver = Process()
    private let port: Int
    /// Names this browser's processes among all others.
    private let profile: URL
    private var session = ""

    private static func executable(_ names: String...) -> String? {
        names.first { FileManager.default.isExecutableFile(atPath: $0) }
    }
    private static let driverPath = executable(
        "/usr/bin/chromedriver", "/usr/lib/chromium/chromedriver", "/opt/homebrew/bin/chromedriver")
    private static let browserPath = executable(
        "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
    private static let timeoutPath = executable("/usr/bin/timeout", "/opt/homebrew/bin/timeout")

    static var isWanted: Bool {
        driverPath != nil && browserPath != nil && timeoutPath != nil
            && ProcessInfo.processInfo.environment["MILLRACE_BROWSER"] == "1"
    }
    /// Longer than any test of ours takes on a busy machine.
    private static let secondsMost = 300

    /// Runs `body` with a browser that is gone afterwards.
    static func with(width: Int, height: Int, _ body: (Browser) async throws -> Void) async throws {
        let browser = try Browser()
        // A trap in the test runs no `defer`; `timeout` sees to that.
        defer { browser.endAll() }
        try await browser.begin(width: width, height: height)
        try await body(browser)
        await browser.quit()
    }

    private init() throws {
        port = Int.random(in: 20_000...40_000)
        profile = FileManager.default.temporaryDirectory.appendingPathComponent("millrace-browser-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: profile, withIntermediateDirectories: true)
        driver.executableURL = URL(fileURLWithPath: Self.timeoutPath ?? "")
        driver.arguments = ["--kill-after=5", "\(Self.secondsMost)", Self.driverPath ?? "", "--port=\(port)"]
        (driver.standardOutput, driver.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
        try driver.run()
    }

    private func begin(width: Int, height: Int) async throws {
        // First wait for the driver: asking for a session again and again would start a browser each time.
        let end = Date().addingTimeInterval(30)
        while (try? await call("GET", "/status")) == nil {
            guard Date() < end, driver.isRunning else { throw Trouble(text: "chromedriver does not answer") }
            try await Task.sleep(for: .milliseconds(50))
        }
        let arguments = [
            "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run",
            "--disable-crash-reporter", "--disable-breakpad", "--user-data-dir=\(profile.path)",
            "--window-size=\(width),\(height)",
        ]
        let wanted: [String: Any] = [
            "capabilities": [
                "alwaysMatch": [
                    "goog:chromeOptions": ["args": arguments, "binary": Self.browserPath ?? ""],
                    "goog:loggingPrefs": ["browser": "ALL"],
                ]
            ]
        ]
        guard let value = try await call("POST", "/session", wanted, seconds: 90) as? [String: Any],
            let id = value["sessionId"] as? String
        else { throw Trouble(text: "no session with chromedriver") }
        session = "/session/\(id)"
        // A window has a least width; what a page sees can be narrower.
        try await show(width: width, height: height)
    }

    struct Trouble: Error { let text: String }

    private func call(
        _ method: String, _ path: String, _ body: [String: Any]? = nil, seconds: Double = 30
    ) async throws -> Any? {
        // Not URLSession, which does not understand the heads of chromedriver's answers.
        let client = RawClient(port: port, timeout: seconds)
        guard client.isConnected else { throw Trouble(text: "chromedriver does not listen") }
        let text = try body.map { String(decoding: try JSONSerialization.data(withJSONObject: $0), as: UTF8.self) }
        let headers = "Content-Type: application/json\r\n"
        guard let answer = await client.request(method, path, headers: headers, body: text ?? "")?.object else {
            throw Trouble(text: "no answer to \(method) \(path)")
        }
        if let value = answer["value"] as? [String: Any], let error = value["error"] as? String {
            throw Trouble(text: "\(error): \(value["message"] ?? "")")
        }
        return answer["value"]
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

    /// A command of the browser's own protocol.
    private func command(_ name: String, _ parameters: [String: Any]) async throws -> Any? {
        try await call("POST", session + "/goog/cdp/execute", ["cmd": name, "params": parameters])
    }

    /// A key of the keyboard, by its name: `l`, `Tab`, `Escape`.
    func press(_ key: String) async throws {
        var parameters: [String: Any] = ["type": "keyDown", "key": key]
        if key.count == 1 { parameters["text"] = key }
        if let code = ["Tab": 9, "Enter": 13, "Escape": 27][key] { parameters["windowsVirtualKeyCode"] = code }
        _ = try await command("Input.dispatchKeyEvent", parameters)
        parameters["type"] = "keyUp"
        parameters["text"] = nil
        _ = try await command("Input.dispatchKeyEvent", parameters)
    }

    func show(width: Int, height: Int, isDark: Bool = false) async throws {
        _ = try await command(
            "Emulation.setDeviceMetricsOverride",
            ["width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500])
        let scheme = ["name": "prefers-color-scheme", "value": isDark ? "dark" : "light"]
        _ = try await command("Emulation.setEmulatedMedia", ["features": [scheme]])
    }

    /// What is seen, as a PNG file.
    func picture() async throws -> Data {
        let text = try await call("GET", session + "/screenshot") as? String
        return text.flatMap { Data(base64Encoded: $0) } ?? Data()
    }

    /// Everything the page wrote to the console, errors of the network among it.
    func console() async throws -> [String] {
        let log = try await call("POST", session + "/se/log", ["type": "browser"]) as? [[String: Any]] ?? []
        return log.compactMap { $0["message"] as? String }
    }

    private func quit() async { _ = try? await call("DELETE", session, seconds: 10) }

    /// Ends the driver's whole process group, and whatever else was started with this profile. Any number of times.
    private func endAll() {
        if driver.isRunning {
            // `timeout` has made itself a group of its own, with the driver and the browser in it.
            end(process: -driver.processIdentifier)
            driver.terminate()
        }
        #if os(Linux)
            for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
                guard let id = pid_t(name), let command = FileManager.default.contents(atPath: "/proc/\(name)/cmdline"),
                    String(decoding: command, as: UTF8.self).contains(profile.path)
                else { continue }
                end(process: id)
            }
        #endif
        try? FileManager.default.removeItem(at: profile)
    }
}
