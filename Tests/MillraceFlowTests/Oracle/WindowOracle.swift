import MillraceCore
import MillraceFlow

/// What windows must say, computed the slow way: every pane from the list of all its records.
struct WindowOracle {
    struct Shape {
        var size: Int64
        var slide: Int64
        var offset: Int64
        var isCumulative = false

        /// Every window that holds a time.
        func windows(of time: Int64) -> [(start: Int64, end: Int64)] {
            var found: [(Int64, Int64)] = []
            if isCumulative {
                var start = offset
                while start > time { start -= size }
                while start + size <= time { start += size }
                var end = start + slide
                while end <= start + size {
                    if time < end { found.append((start, end)) }
                    end += slide
                }
            } else {
                var start = offset
                while start > time { start -= slide }
                while start + slide <= time { start += slide }
                while start + size > time {
                    found.append((start, start + size))
                    start -= slide
                }
            }
            return found
        }
    }
    struct PaneKey: Hashable {
        var key: String
        var start: Int64
        var end: Int64
    }
    struct Window {
        var amounts: [Int] = []
        var sinceLast: [Int] = []
        var index = 0
        var hadOnTime = false
        var last: (value: Int, index: Int, timing: PaneInfo.Timing)?
    }

    let shape: Shape
    let lateness: Int64
    let bound: Int64
    let trigger: Trigger
    var watermark = Int64.min
    var windows: [PaneKey: Window] = [:]
    /// Records that no open window took.
    var late = 0
    var panes: [Pane<String, Int>] = []

    init(shape: Shape, lateness: Int64, bound: Int64, trigger: Trigger) {
        (self.shape, self.lateness, self.bound, self.trigger) = (shape, lateness, bound, trigger)
    }

    mutating func feed(_ key: String, _ time: Int64, _ amount: Int) {
        advance(to: time - bound)
        let open = shape.windows(of: time).filter { $0.end + lateness > watermark }
        if open.isEmpty { late += 1 }
        for window in open {
            let name = PaneKey(key: key, start: window.start, end: window.end)
            let isPast = window.end <= watermark && !trigger.isFinalOnly
            // A window that only came to be after its moment has no on-time pane; its panes are late.
            var held = windows[name] ?? Window(hadOnTime: isPast)
            held.amounts.append(amount)
            held.sinceLast.append(amount)
            windows[name] = held
            let needed: Int? =
                switch isPast ? trigger.late : trigger.early {
                case .count(let n): n
                default: nil
                }
            if let needed, windows[name]?.sinceLast.count ?? 0 >= needed {
                report(name, isPast ? .late : .early, isFinal: false)
            }
        }
    }

    mutating func advance(to time: Int64) {
        watermark = max(watermark, time)
        for name in windows.keys.sorted(by: { ($0.end, $0.key) < ($1.end, $1.key) }) {
            let moment = trigger.isFinalOnly ? name.end + lateness : name.end
            guard let window = windows[name] else { continue }
            if moment <= watermark, !window.hadOnTime {
                windows[name]?.hadOnTime = true
                let isFinal = name.end + lateness <= watermark
                report(name, .onTime, isFinal: isFinal)
                if isFinal { windows[name] = nil }
            }
            if name.end + lateness <= watermark {
                // What came late and was not reported leaves at the end.
                if windows[name]?.sinceLast.isEmpty == false { report(name, .late, isFinal: true) }
                windows[name] = nil
            }
        }
    }
    private mutating func report(_ name: PaneKey, _ timing: PaneInfo.Timing, isFinal: Bool) {
        guard var window = windows[name] else { return }
        // Nothing new to tell.
        if timing == .onTime, trigger.panes == .discarding, window.sinceLast.isEmpty { return }
        let held = trigger.panes == .discarding ? window.sinceLast : window.amounts
        let value = held.reduce(0, +)
        func pane(_ value: Int, _ info: PaneInfo) -> Pane<String, Int> {
            Pane(
                key: name.key, start: EventTime(microseconds: name.start), end: EventTime(microseconds: name.end),
                value: value, info: info)
        }
        if trigger.panes == .retracting, let last = window.last {
            panes.append(
                pane(
                    last.value, PaneInfo(index: last.index, timing: last.timing, isFinal: false, isRetraction: true)))
        }
        panes.append(pane(value, PaneInfo(index: window.index, timing: timing, isFinal: isFinal)))
        window.last = (value, window.index, timing)
        window.index += 1
        window.sinceLast = []
        windows[name] = window
    }
}
