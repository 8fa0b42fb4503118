public import MillraceCore
internal import MillraceFlow
internal import MillraceRuntime

/// A stream app from its arguments to its exit code.
public struct AppRunner: Sendable {
    private let name: String
    private let topology: Topology
    private let code: NodeSettings
    private let host: HostProcess
    private let environment: [String: String]
    private let output: TextOutput
    /// What else starts with the node: the console, which lies above the engine.
    private let attach: NodeAttachment?

    public init(
        name: String, topology: Topology, code: NodeSettings, host: HostProcess, environment: [String: String],
        attach: NodeAttachment? = nil
    ) {
        (self.name, self.topology, self.code, self.host) = (name, topology, code, host)
        (self.environment, self.attach) = (environment, attach)
        output = TextOutput()
    }

    /// What the running node is asked.
    private static let questions = [
        "status", "why", "explain", "dead-letters", "parked", "redrive", "pause", "resume",
    ]
    private static let flags: Set<String> = ["--help", "--print-config", "--json"]

    public func run() async -> Int32 {
        do throws(Failure) { return try await perform() } catch {
            output.error("\(name): \(Self.sentence(error))")
            switch error.code {
            case .invalidArgument: return ProcessExit.usage
            case .inUse: return ProcessExit.inUse
            default: return ProcessExit.failed
            }
        }
    }

    private func perform() async throws(Failure) -> Int32 {
        var loader = SettingsLoader(code: code)
        let guardDirectory = ProcessGuard.directory(in: host.arguments)
        var words = host.arguments.filter { !$0.hasPrefix(ProcessGuard.flag) }
        if let index = words.firstIndex(where: { $0 == "--config" || $0.hasPrefix("--config=") }) {
            let path = try Self.value(of: "--config", in: &words, at: index)
            try loader.apply(file: try Self.contents(path), named: path)
        }
        try loader.apply(environment: environment)
        words = try loader.apply(arguments: words, known: Self.flags)
        let flags = words.filter { $0.hasPrefix("--") }
        let verb = words.first { !$0.hasPrefix("--") } ?? "run"
        let rest = words.filter { !$0.hasPrefix("--") }.dropFirst()
        if flags.contains("--help") || verb == "help" {
            output.line(AppHelp.text(name))
            return ProcessExit.success
        }
        if flags.contains("--print-config") {
            output.text(loader.printed)
            return ProcessExit.success
        }
        switch verb {
        case "run":
            try refuse(rest, after: verb)
            if loader.settings.guarded, guardDirectory == nil { return try await watchOver(loader.settings) }
            return try await node(loader, guardDirectory)
        case "describe":
            try refuse(rest, after: verb)
            for pipeline in topology.pipelines {
                output.line(TopologyText.line(pipeline))
                output.line(try pipeline.makePlan().describe() + "\n")
            }
            return ProcessExit.success
        case "check":
            try refuse(rest, after: verb)
            try Node.check(topology)
            output.text(TopologyText.sound(topology))
            return ProcessExit.success
        case let verb where Self.questions.contains(verb): return try ask([verb] + rest, loader.settings)
        default:
            let known = ["run", "describe", "check", "help"] + Self.questions
            let hint = Spelling.nearest(to: verb, in: known).map { "Did you mean \($0)?" } ?? "See \(name) help"
            throw Failure(.invalidArgument, "there is no verb '\(verb)'", advice: hint)
        }
    }

    private func refuse(_ words: ArraySlice<String>, after verb: String) throws(Failure) {
        guard let word = words.first else { return }
        throw Failure(
            .invalidArgument, "\(verb) takes no '\(word)'", advice: "Settings begin with two dashes; see \(name) help")
    }

    /// Asks the node that runs on the data directory.
    private func ask(_ words: [String], _ settings: NodeSettings) throws(Failure) -> Int32 {
        let socket = settings.dataDirectory + "/control.sock"
        guard let answer = try ControlClient.ask(words, socket: socket) else {
            throw Failure(
                .notFound, "no node runs on this data directory", advice: "Start one with: \(name) run",
                place: settings.dataDirectory)
        }
        output.text(answer.hasSuffix("\n") ? answer : answer + "\n")
        return ProcessExit.success
    }

    // MARK: The node

    /// Runs the node as a process of its own, and again when a trap ends it.
    private func watchOver(_ settings: NodeSettings) async throws(Failure) -> Int32 {
        let (clock, storage) = (SystemClock(), PosixStorage())
        let directory = DataDirectory.guarded(settings.dataDirectory)
        do throws(IOFault) { try DataDirectory.makeDirectories(directory, storage: storage) } catch {
            throw Failure(error, "the guard's directory cannot be made")
        }
        let logger = Logger(sink: StandardErrorSink(), clock: clock, level: .info)
        let guarding = ProcessGuard(
            directory: directory, arguments: host.arguments, clock: clock, storage: storage,
            random: SeededRandom(seed: host.entropy())
        ) { logger.warning("guard", ["what": .text($0)]) }
        Signals.listen { _ in guarding.terminate() }
        return try await guarding.run()
    }

    private func node(_ loader: SettingsLoader, _ guardDirectory: String?) async throws(Failure) -> Int32 {
        let settings = loader.settings
        let clock = SystemClock()
        let level = LogLevel.allCases.first { $0.name == settings.logLevel } ?? .info
        let logger = Logger(sink: StandardErrorSink(), clock: clock, level: level)
        let seed = host.entropy()
        let topology = topology
        let node = try await Self.onThread { () throws(Failure) in
            try Node.start(
                topology, settings: settings, clock: clock, logger: logger, random: SeededRandom(seed: seed),
                guardedBy: guardDirectory)
        }
        let control = try ControlServer(path: settings.dataDirectory + "/control.sock") { node.answer($0) }
        Signals.listen { signal in
            switch signal {
            case .drain:
                logger.info("stopping", ["deadline": .text(HumanText.span(settings.drainDeadline))])
                node.stop()
                _ = clock.schedule(at: clock.now + settings.drainDeadline) {
                    logger.warning("drain-deadline", ["advice": "what was not committed is replayed at the next start"])
                    ProcessExit.immediate(ProcessExit.stoppedNow)
                }
            case .stopNow: ProcessExit.immediate(ProcessExit.stoppedNow)
            }
        }
        if settings.stopAfter > .zero { _ = clock.schedule(at: clock.now + settings.stopAfter) { node.stop() } }
        let attached = try await attach?.start(node, loader.printed)
        logger.info(
            "running",
            [
                "pipelines": .integer(Int64(topology.pipelines.count)), "data": .text(settings.dataDirectory),
                "started_in": .text(HumanText.span(clock.now - node.startedMonotonic)), "release": .text(node.release),
            ])
        let printer = settings.show.isEmpty ? nil : try ChangePrinter(node, table: settings.show)
        async let printing: Void? = printer?.run()
        var failure: Failure?
        do throws(Failure) { try await node.run() } catch { failure = error }
        printer?.stop()
        _ = await printing
        await attached?()
        control.close()
        let summary = StatusText.summary(node.status())
        await node.close()
        output.text(summary)
        if let failure { throw failure }
        return ProcessExit.success
    }

    /// Opening stores blocks: a thread of its own for it, once.
    private static func onThread<R: Sendable>(_ body: @escaping @Sendable () throws(Failure) -> R) async throws(Failure)
        -> R
    {
        let outcome: Result<R, Failure> = await withCheckedContinuation { continuation in
            _ = OwnedThread(name: "start") {
                do throws(Failure) { continuation.resume(returning: .success(try body())) } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try outcome.get()
    }

    private static func value(of flag: String, in words: inout [String], at index: Int) throws(Failure) -> String {
        let word = words.remove(at: index)
        if let equals = word.firstIndex(of: "=") { return String(word[word.index(after: equals)...]) }
        guard index < words.count else { throw Failure(.invalidArgument, "\(flag) needs a value") }
        return words.remove(at: index)
    }

    private static func contents(_ path: String) throws(Failure) -> String {
        var bytes: [UInt8]?
        do throws(IOFault) {
            bytes = try PosixStorage().contents(of: path, limit: Limits.configurationBytes)
        } catch { throw Failure(error, "the configuration file cannot be read") }
        guard let bytes else { throw Failure(.notFound, "there is no configuration file", place: path) }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func sentence(_ failure: Failure) -> String {
        var text = failure.message
        if !failure.place.isEmpty { text += " (\(failure.place))" }
        if let cause = failure.cause { text += ": \(cause)" }
        if !failure.advice.isEmpty { text += ". \(failure.advice)" }
        return text
    }
}

/// Something that lives as long as the node runs, from a layer above: the console registers itself here.
public struct NodeAttachment: Sendable {
    /// Starts it, given the printed configuration; what it returns ends it.
    public var start: @Sendable (Node, _ configuration: String) async throws(Failure) -> @Sendable () async -> Void
    public init(start: @escaping @Sendable (Node, String) async throws(Failure) -> @Sendable () async -> Void) {
        self.start = start
    }
}
