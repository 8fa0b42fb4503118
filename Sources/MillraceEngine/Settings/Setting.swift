internal import MillraceCore

/// One row of the table of settings: how it is called, read and shown.
///
/// `commit.interval` in a file is `MILLRACE_COMMIT_INTERVAL` in the environment and `--commit-interval` as an argument.
struct Setting: Sendable {
    let key: String
    let meaning: String
    /// What a value looks like, for the message that refuses another.
    let form: String
    /// Returns false when the text is not of the form.
    let apply: @Sendable (inout NodeSettings, String) -> Bool
    let show: @Sendable (NodeSettings) -> String

    var environmentName: String { "MILLRACE_" + key.uppercased().map { $0 == "." ? "_" : String($0) }.joined() }
    var argumentName: String { "--" + key.map { $0 == "." ? "-" : String($0) }.joined() }

    static let all: [Setting] = [
        text("data.directory", "where log and tables live", \.dataDirectory),
        text("console.address", "address the console listens on", \.consoleAddress),
        Setting(
            key: "console.port", meaning: "port of the console, 0 = any free one", form: "a port, 0 to 65535",
            apply: { settings, text in
                // As it is printed when nothing has set it.
                if text.isEmpty {
                    settings.consolePort = nil
                    return true
                }
                guard let port = Int(text), (0...65_535).contains(port) else { return false }
                settings.consolePort = port
                return true
            }, show: { $0.consolePort.map(String.init) ?? "" }),
        optional("console.hosts", "other names clients may call the console, with commas", \.consoleHosts),
        optional("console.certificate", "certificate of the console, a PEM file", \.consoleCertificate),
        optional("console.key", "private key of the console, a PEM file", \.consoleKey),
        Setting(
            key: "console.insecure", meaning: "let others reach the console without TLS", form: "true or false",
            apply: { settings, text in
                guard let on = Bool(text) else { return false }
                settings.consoleInsecure = on
                return true
            }, show: { String($0.consoleInsecure) }),
        Setting(
            key: "lanes", meaning: "threads that run tasks, 0 = one per core", form: "a number, 0 to 256",
            apply: { settings, text in
                guard let lanes = Int(text), (0...256).contains(lanes) else { return false }
                settings.lanes = lanes
                return true
            }, show: { String($0.lanes) }),
        span("commit.interval", "how long results may wait before they are durable and visible", \.commitInterval),
        bytes("commit.bytes", "input after which a commit starts early", \.commitBytes),
        bytes("state.budget", "memory for pipeline state, over all tasks", \.stateBudget),
        span("idle.after", "time without input after which a partition no longer holds the watermark", \.idleAfter),
        span("stuck.after", "time without progress after which a task is restarted", \.stuckAfter),
        span("drain.deadline", "time a stopping node has to finish and commit", \.drainDeadline),
        span("stop.after", "stop by itself after this time, 0s = never", \.stopAfter),
        Setting(
            key: "show", meaning: "print this table's rows as they are committed", form: "a table's name",
            apply: { settings, text in
                settings.show = text
                return true
            }, show: { $0.show }),
        Setting(
            key: "guard", meaning: "run under a parent process that survives traps", form: "true or false",
            apply: { settings, text in
                guard let on = Bool(text) else { return false }
                settings.guarded = on
                return true
            }, show: { String($0.guarded) }),
        optional("skip.gap", "a pipeline that goes on without records that are gone from its log", \.skipGap),
        Setting(
            key: "log.level", meaning: "least severe line that is printed", form: "debug, info, warning or error",
            apply: { settings, text in
                guard ["debug", "info", "warning", "error"].contains(text) else { return false }
                settings.logLevel = text
                return true
            }, show: { $0.logLevel }),
    ]

    private static func text(
        _ key: String, _ meaning: String, _ path: any WritableKeyPath<NodeSettings, String> & Sendable
    )
        -> Setting
    {
        Setting(
            key: key, meaning: meaning, form: "text, not empty",
            apply: { settings, text in
                settings[keyPath: path] = text
                return !text.isEmpty
            }, show: { $0[keyPath: path] })
    }

    private static func optional(
        _ key: String, _ meaning: String, _ path: any WritableKeyPath<NodeSettings, String> & Sendable
    )
        -> Setting
    {
        Setting(
            key: key, meaning: meaning, form: "text",
            apply: { settings, text in
                settings[keyPath: path] = text
                return true
            }, show: { $0[keyPath: path] })
    }

    private static func span(
        _ key: String, _ meaning: String, _ path: any WritableKeyPath<NodeSettings, TimeSpan> & Sendable
    )
        -> Setting
    {
        Setting(
            key: key, meaning: meaning, form: "a duration such as 50ms, 2s or 5m",
            apply: { settings, text in
                guard let span = Quantity.span(text) else { return false }
                settings[keyPath: path] = span
                return true
            }, show: { Quantity.text($0[keyPath: path]) })
    }

    private static func bytes(
        _ key: String, _ meaning: String, _ path: any WritableKeyPath<NodeSettings, Int> & Sendable
    )
        -> Setting
    {
        Setting(
            key: key, meaning: meaning, form: "a size such as 64MiB",
            apply: { settings, text in
                guard let bytes = Quantity.bytes(text) else { return false }
                settings[keyPath: path] = bytes
                return true
            }, show: { Quantity.text(bytes: $0[keyPath: path]) })
    }
}
