/// Where finished log lines go. Called from any thread; must not block for long and must not log.
public protocol LogSink: AnyObject, Sendable {
    /// `line` has no newline at its end and none inside. `level` is for sinks that filter or count.
    func write(_ line: [UInt8], level: LogLevel)
}

/// Makes structured one-line log entries and limits how many of one cause get through.
///
/// Of each event at most `Limits.logBurst` lines pass in `Limits.logPeriod`; the first line of a later period says how
/// many were held back. Never per record: log per batch, and only when something happened.
public final class Logger: Sendable {
    private struct Cause {
        var periodStart: MonotonicTime
        var passed: Int
        var suppressed: Int
    }
    private let sink: any LogSink
    private let clock: any RuntimeClock
    /// Lines below it are not even made.
    public let level: LogLevel
    private let causes = Lock<[String: Cause]>([:])

    public init(sink: any LogSink, clock: any RuntimeClock, level: LogLevel = .info) {
        (self.sink, self.clock, self.level) = (sink, clock, level)
    }

    public func debug(_ event: StaticString, _ fields: @autoclosure () -> KeyValuePairs<StaticString, LogValue> = [:]) {
        log(.debug, event, fields())
    }
    public func info(_ event: StaticString, _ fields: @autoclosure () -> KeyValuePairs<StaticString, LogValue> = [:]) {
        log(.info, event, fields())
    }
    public func warning(_ event: StaticString, _ fields: @autoclosure () -> KeyValuePairs<StaticString, LogValue> = [:])
    {
        log(.warning, event, fields())
    }
    public func error(_ event: StaticString, _ fields: @autoclosure () -> KeyValuePairs<StaticString, LogValue> = [:]) {
        log(.error, event, fields())
    }
    /// A failure with all it knows.
    public func error(_ event: StaticString, _ failure: Failure) {
        log(
            .error, event,
            [
                "code": .text(failure.code.name), "message": .text(failure.message), "place": .text(failure.place),
                "advice": .text(failure.advice), "cause": .text(failure.cause.map { "\($0)" } ?? ""),
                "retriable": .flag(failure.isRetriable), "fatal": .flag(failure.isFatal),
                "source": .text(failure.source),
            ])
    }

    public func log(
        _ level: LogLevel, _ event: StaticString, _ fields: @autoclosure () -> KeyValuePairs<StaticString, LogValue>
    ) {
        guard level >= self.level, let suppressed = admit(event) else { return }
        let line = LogLine(time: clock.wall, level: level, event: event, fields: fields(), suppressed: suppressed)
        sink.write(line.rendered(), level: level)
    }

    /// `nil` when the cause has used up its lines for now, otherwise how many of them were held back since the last.
    private func admit(_ event: StaticString) -> Int? {
        let now = clock.now
        return causes.withLock { causes -> Int? in
            let name = "\(event)"
            guard var cause = causes[name], now - cause.periodStart < Limits.logPeriod else {
                let suppressed = causes[name]?.suppressed ?? 0
                // Events are constants in source code, so the table cannot outgrow the program.
                causes[name] = Cause(periodStart: now, passed: 1, suppressed: 0)
                return suppressed
            }
            defer { causes[name] = cause }
            if cause.passed < Limits.logBurst {
                cause.passed += 1
                return 0
            }
            cause.suppressed += 1
            return nil
        }
    }
}
