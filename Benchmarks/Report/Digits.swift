/// Figures as people read them.
public enum Digits {
    /// Three significant digits.
    public static func of(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        if value == 0 { return "0" }
        var scale = 1.0
        while abs(value) * scale < 100 && scale < 1e6 { scale *= 10 }
        let rounded = (value * scale).rounded() / scale
        let text = rounded.magnitude < 1e15 && rounded == rounded.rounded() ? "\(Int64(rounded))" : "\(rounded)"
        return text
    }

    /// With the unit that suits: `0.83 ns`, `170 µs`.
    public static func time(nanoseconds: Double) -> String {
        for (limit, size, unit) in [(1e3, 1, "ns"), (1e6, 1e3, "µs"), (1e9, 1e6, "ms")] as [(Double, Double, String)]
        where nanoseconds < limit {
            return "\(of(nanoseconds / size)) \(unit)"
        }
        return "\(of(nanoseconds / 1e9)) s"
    }

    /// A count with `k`, `M` or `G`: `64.2 M`.
    public static func large(_ value: Double) -> String {
        for (size, unit) in [(1e9, " G"), (1e6, " M"), (1e3, " k")] where abs(value) >= size {
            return of(value / size) + unit
        }
        return of(value)
    }

    /// A part of one: `12 %`.
    static func percent(_ part: Double) -> String { "\(of((part * 100).rounded())) %" }
}
