public import MillraceCore

/// A small parent that starts the node as a process of its own and starts it again when it dies: a trap in user code
/// kills a process, not only an actor.
///
/// It keeps what it knows in two files of a directory of its own: `guard.page`, mapped by both processes, says what the
/// node is doing; `guard.ledger` says which records killed it. Run it before anything else in `main`, on the main
/// thread, after `Signals.block()`.
public final class ProcessGuard: Sendable {
    /// The argument that tells the node who guards it: `--guarded=DIRECTORY`.
    public static let flag = "--guarded="

    private let directory: String, executable: String, arguments: [String]
    private let launcher: any ProcessLauncher
    private let clock: any RuntimeClock
    private let storage: any Storage
    private let heartbeatLost: TimeSpan
    private let report: @Sendable (String) -> Void
    private let state: Lock<GuardState>
    private let terminations = Lock(0)

    /// - Parameters:
    ///   - directory: exists, and belongs to this node.
    ///   - arguments: of the node, without the flag.
    ///   - report: a line for the log.
    public init(
        directory: String, executable: String = SystemLauncher.ownExecutable, arguments: [String],
        launcher: any ProcessLauncher = SystemLauncher(), clock: any RuntimeClock, storage: any Storage,
        random: SeededRandom, heartbeatLost: TimeSpan = Limits.heartbeatLost,
        report: @escaping @Sendable (String) -> Void
    ) {
        (self.directory, self.executable, self.arguments) = (directory, executable, arguments)
        (self.launcher, self.clock, self.storage) = (launcher, clock, storage)
        (self.heartbeatLost, self.report) = (heartbeatLost, report)
        state = Lock(GuardState(random: random))
    }

    /// The directory from the node's own arguments, when a guard started it.
    public static func directory(in arguments: [String]) -> String? {
        arguments.first { $0.hasPrefix(flag) }.map { String($0.dropFirst(flag.count)) }
    }

    /// From the thread of `Signals`: passed on to the node; the second one kills it.
    public func terminate() {
        state.withLock { $0.terminate() }
        terminations.withLock { $0 += 1 }
    }

    /// Guards until the node ends by itself, the guard is told to end, or gives up. Returns the exit code.
    public func run() async throws(Failure) -> Int32 {
        var ledger = try BlameLedger.read(BlameBook.ledgerPath(directory), storage)
        while true {
            let page = try BlamePage(path: BlameBook.pagePath(directory), create: true)
            let started = clock.now
            let process = try launcher.start(executable, arguments + [Self.flag + directory])
            let death = await watch(process, page)
            let places = page.inUserCode
            var isBlamed = false
            if death.isAbnormal, !places.isEmpty {
                isBlamed = ledger.died(in: places)
                try write(ledger)
            }
            let now = clock.now
            let verdict = state.withLock {
                $0.died(death, isBlamed: isBlamed, startedAt: started, now: now)
            }
            switch verdict {
            case .end(let code): return code
            case .giveUp(let failure): throw failure
            case .restart(let span):
                report(
                    "the node ended \(death) after \((now - started).seconds) s; \(blame(places)); "
                        + "next start in \(span.seconds) s")
                await pause(span)
                if terminations.withLock({ $0 }) > 0 { return death.code }
            }
        }
    }

    private func blame(_ places: [(range: BlamedRange, trapped: Bool)]) -> String {
        let certain = places.contains(where: \.trapped) ? places.filter(\.trapped) : places
        guard let place = certain.first?.range else { return "no record is blamed" }
        let more = certain.count > 1 ? " and \(certain.count - 1) more" : ""
        return "blamed: \(place.pipeline) stage \(place.stage) partition \(place.partition) "
            + "offsets \(place.from) to \(place.through)\(more)"
    }

    private func write(_ ledger: BlameLedger) throws(Failure) {
        do throws(IOFault) {
            try storage.replace(BlameBook.ledgerPath(directory), with: ledger.encoded)
        } catch {
            throw Failure(error, "the guard's ledger cannot be written")
        }
    }

    /// Until it has ended; kills it when its heart stops, and passes on termination.
    private func watch(_ process: Int32, _ page: BlamePage) async -> GuardState.Death {
        var beats = page.beats, lastBeat = clock.now, passedOn = 0, isHung = false
        while true {
            if let death = launcher.reap(process) { return isHung ? .hung : death }
            let wanted = terminations.withLock { $0 }
            if wanted > passedOn {
                launcher.send(passedOn == 0 ? .terminate : .kill, to: process)
                passedOn += 1
            }
            let now = clock.now
            if page.beats != beats { (beats, lastBeat) = (page.beats, now) }
            if now - lastBeat >= heartbeatLost, !isHung {
                isHung = true
                launcher.send(.kill, to: process)
            }
            await pause(Limits.guardLook)
        }
    }

    /// Cancellation has no meaning here: the guard lives as long as its process.
    private func pause(_ span: TimeSpan) async { try? await clock.sleep(for: span) }
}

extension GuardState.Death {
    /// Something went wrong inside, rather than the node ending with a verdict of its own.
    var isAbnormal: Bool {
        switch self {
        case .exited: false
        case .signalled, .hung: true
        }
    }
}
