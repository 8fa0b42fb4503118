import MillraceCore

/// A bar on the error stream for work that takes long. Draws nothing when nobody watches, and nothing before a moment
/// has passed, so that short work stays quiet.
final class Progress {
    enum Unit { case bytes, records }

    private let label: String
    private let unit: Unit
    /// Zero when it is not known.
    private let total: Int64
    private let terminal: Terminal
    private let clock: any RuntimeClock
    private let started: MonotonicTime
    private var nextDraw: MonotonicTime
    private var done: Int64 = 0
    private var hasDrawn = false

    private static let quietStart = TimeSpan.milliseconds(400)
    private static let interval = TimeSpan.milliseconds(100)
    private static let barWidth = 24

    init(_ label: String, total: Int64 = 0, unit: Unit, _ terminal: Terminal, clock: any RuntimeClock) {
        (self.label, self.total, self.unit, self.terminal, self.clock) = (label, total, unit, terminal, clock)
        started = clock.now
        nextDraw = started + Self.quietStart
    }

    func advance(by amount: Int64) {
        done += amount
        guard terminal.showsProgress else { return }
        let now = clock.now
        guard now >= nextDraw else { return }
        nextDraw = now + Self.interval
        draw(now)
    }

    /// Removes the bar. Returns how long it all took.
    @discardableResult func finish() -> TimeSpan {
        if hasDrawn { terminal.error.write("\r\u{1B}[K") }
        return clock.now - started
    }

    private func draw(_ now: MonotonicTime) {
        hasDrawn = true
        let seconds = max((now - started).seconds, 0.001)
        let rate = Double(done) / seconds
        var line = "\r\u{1B}[K\(label)  "
        if total > 0 {
            let share = min(1, Double(done) / Double(total))
            let filled = Int(share * Double(Self.barWidth))
            line += String(repeating: "█", count: filled)
            line += terminal.errorStyle.dim(String(repeating: "░", count: Self.barWidth - filled))
            line += " \(Human.decimal(share * 100, digits: 0).paddedLeft(to: 3))%  "
        }
        line += "\(text(done))  \(text(Int64(rate)))/s"
        if total > done, rate > 0 {
            line += "  \(Human.text(span: .seconds(Int64(Double(total - done) / rate)))) left"
        }
        terminal.error.write(line)
    }
    private func text(_ amount: Int64) -> String {
        unit == .bytes ? Human.text(bytes: amount) : "\(Human.text(count: amount)) records"
    }
}
