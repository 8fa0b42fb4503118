import MillraceCore

/// Where a verb prints, and how: colours, width, JSON or columns.
struct Terminal: Sendable {
    enum Format: Sendable { case columns, json }

    let out: OutputStream
    let error: OutputStream
    let style: Style
    let errorStyle: Style
    let format: Format
    /// Columns of the terminal; nil when output goes elsewhere, and nothing is cut then.
    let width: Int?
    /// Progress bars and notes are wanted and there is a terminal to see them.
    let showsProgress: Bool
    let isQuiet: Bool

    init(environment: [String: String], options: [String: [String]] = [:]) {
        let (outIsTerminal, errorIsTerminal) = (SystemProcess.isTerminal(1), SystemProcess.isTerminal(2))
        let colours =
            options["no-color"] == nil && environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
        (out, error) = (.standardOutput, .standardError)
        style = Style(isOn: outIsTerminal && colours)
        errorStyle = Style(isOn: errorIsTerminal && colours)
        isQuiet = options["quiet"] != nil
        showsProgress = errorIsTerminal && options["quiet"] == nil
        width = outIsTerminal ? SystemProcess.columns(1) : nil
        format = options["json"] != nil ? .json : options["text"] != nil || outIsTerminal ? .columns : .json
    }

    /// A remark for people, on the error stream so that it never mixes with data. Silent with --quiet.
    func note(_ text: String) {
        guard !isQuiet else { return }
        out.flush()
        error.line(errorStyle.dim(text))
    }
}

/// Colours, or none.
struct Style: Sendable {
    let isOn: Bool
    func bold(_ text: String) -> String { wrap("1", text) }
    func dim(_ text: String) -> String { wrap("2", text) }
    func red(_ text: String) -> String { wrap("31", text) }
    func green(_ text: String) -> String { wrap("32", text) }
    func cyan(_ text: String) -> String { wrap("36", text) }
    private func wrap(_ code: String, _ text: String) -> String {
        isOn && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}

/// A buffered descriptor. Lines of a terminal and of the error stream go out at once, everything else in blocks.
final class OutputStream: Sendable {
    static let standardOutput = OutputStream(1)
    static let standardError = OutputStream(2)

    private let descriptor: Int32
    private let isImmediate: Bool
    private let buffer = Lock<[UInt8]>([])

    private init(_ descriptor: Int32) {
        self.descriptor = descriptor
        isImmediate = descriptor == 2 || SystemProcess.isTerminal(descriptor)
    }

    func write(_ text: String) { append(text.utf8) }
    func line(_ text: String) { append((text + "\n").utf8) }
    func write(_ bytes: [UInt8]) { append(bytes) }
    func flush() { buffer.withLock { Self.drain(&$0, descriptor) } }

    private func append(_ bytes: some Collection<UInt8>) {
        buffer.withLock {
            $0.append(contentsOf: bytes)
            if isImmediate || $0.count >= Limits.outputBufferBytes { Self.drain(&$0, descriptor) }
        }
    }
    private static func drain(_ bytes: inout [UInt8], _ descriptor: Int32) {
        // When nobody can be written to there is nobody to tell either.
        _ = bytes.withUnsafeBytes { SystemProcess.write($0, to: descriptor) }
        bytes.removeAll(keepingCapacity: true)
    }
}
