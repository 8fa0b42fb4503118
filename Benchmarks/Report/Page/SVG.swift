/// A drawing, built up from a few shapes. Colours come from the page's style sheet by class, so that a chart follows
/// the reader's light or dark scheme.
struct SVG {
    enum Anchor: String { case start, middle, end }

    let width: Double
    let height: Double
    private var shapes = ""

    init(width: Double, height: Double) { (self.width, self.height) = (width, height) }

    mutating func text(_ x: Double, _ y: Double, _ text: String, _ style: String = "", _ anchor: Anchor = .start) {
        shapes += "<text x=\"\(number(x))\" y=\"\(number(y))\" class=\"\(style)\" text-anchor=\"\(anchor.rawValue)\">"
        shapes += escaped(text) + "</text>\n"
    }
    mutating func bar(_ x: Double, _ y: Double, _ width: Double, _ height: Double, _ style: String) {
        shapes += "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(max(width, 1)))\" "
        shapes += "height=\"\(number(height))\" rx=\"2\" class=\"\(style)\"/>\n"
    }
    mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String) {
        shapes += "<line x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\" "
        shapes += "class=\"\(style)\"/>\n"
    }
    mutating func dot(_ x: Double, _ y: Double, _ style: String) {
        shapes += "<circle cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"4.5\" class=\"\(style)\"/>\n"
    }
    mutating func path(_ points: [(x: Double, y: Double)], _ style: String) {
        let text = points.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
        shapes += "<polyline points=\"\(text)\" class=\"\(style)\"/>\n"
    }

    /// - Parameter title: what a screen reader says of the drawing.
    func document(_ title: String) -> String {
        "<svg viewBox=\"0 0 \(number(width)) \(number(height))\" role=\"img\" aria-label=\"\(escaped(title))\">\n"
            + shapes + "</svg>\n"
    }

    private func number(_ value: Double) -> String {
        let tenths = (value * 10).rounded() / 10
        return tenths == tenths.rounded() ? "\(Int(tenths))" : "\(tenths)"
    }
}

/// Text between tags and in attributes.
func escaped(_ text: String) -> String {
    text.reduce(into: "") { out, character in
        switch character {
        case "&": out += "&amp;"
        case "<": out += "&lt;"
        case ">": out += "&gt;"
        case "\"": out += "&quot;"
        default: out.append(character)
        }
    }
}
