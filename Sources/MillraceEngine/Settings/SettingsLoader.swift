internal import MillraceCore

/// Lays the layers of configuration over each other and remembers where each value came from.
struct SettingsLoader {
    private(set) var settings: NodeSettings
    /// Key → the layer that set it last.
    private var origins: [String: String] = [:]

    init(code: NodeSettings) { settings = code }

    /// `key = value` lines; `#` starts a comment; blank lines are skipped.
    mutating func apply(file text: String, named name: String) throws(Failure) {
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let content = line.prefix { $0 != "#" }.trimmed
            if content.isEmpty { continue }
            let place = "\(name):\(index + 1)"
            guard let equals = content.firstIndex(of: "=") else {
                throw Failure(
                    .invalidArgument, "'\(content)' is not a setting", advice: "Write it as: key = value", place: place)
            }
            let key = content[..<equals].trimmed
            try set(key, to: content[content.index(after: equals)...].trimmed, from: place) { $0.key == key }
        }
    }

    mutating func apply(environment: [String: String]) throws(Failure) {
        for name in environment.keys.filter({ $0.hasPrefix("MILLRACE_") }).sorted() {
            // Names that steer the wrapper, the tests and the data directory of the command line tool.
            if name.hasPrefix("MILLRACE_TEST_") || name == "MILLRACE_DATA" { continue }
            try set(name, to: environment[name] ?? "", from: "environment") { $0.environmentName == name }
        }
    }

    /// Takes `--key value` and `--key=value`; returns the words that are not settings, in order.
    mutating func apply(arguments: [String], known flags: Set<String>) throws(Failure) -> [String] {
        var others: [String] = []
        var rest = arguments[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("--"), !flags.contains(word) else {
                others.append(word)
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1)
            let name = String(parts[0])
            let isSwitch = name == "--guard" && parts.count == 1
            guard let value = isSwitch ? "true" : parts.count == 2 ? String(parts[1]) : rest.popFirst() else {
                throw Failure(.invalidArgument, "\(name) needs a value", advice: "Write \(name) VALUE")
            }
            try set(name, to: value, from: "arguments") { $0.argumentName == name }
        }
        return others
    }

    /// Every setting, its value and its layer: what `--print-config` shows, and what a file can say.
    var printed: String {
        let rows = Setting.all.map { (left: "\($0.key) = \($0.show(settings))", setting: $0) }
        let width = rows.map(\.left.count).max() ?? 0
        return rows.map { row in
            let padding = String(repeating: " ", count: width - row.left.count)
            return "\(row.left)\(padding)  # \(row.setting.meaning) (\(origins[row.setting.key] ?? "default"))\n"
        }.joined()
    }

    private mutating func set(
        _ name: String, to value: String, from place: String, where matches: (Setting) -> Bool
    ) throws(Failure) {
        guard let setting = Setting.all.first(where: matches) else {
            let names = Setting.all.map {
                name.hasPrefix("--") ? $0.argumentName : name.hasPrefix("MILLRACE_") ? $0.environmentName : $0.key
            }
            let hint = Spelling.nearest(to: name, in: names).map { "Did you mean \($0)?" } ?? "See --print-config"
            throw Failure(.invalidArgument, "there is no setting '\(name)'", advice: hint, place: place)
        }
        var changed = settings
        guard setting.apply(&changed, value) else {
            throw Failure(
                .invalidArgument, "'\(value)' does not suit \(name)", advice: "Give \(setting.form)", place: place)
        }
        settings = changed
        origins[setting.key] = place
    }
}

extension StringProtocol {
    /// Without the spaces and tabs at both ends.
    var trimmed: String {
        let isBlank = { (c: Character) in c == " " || c == "\t" || c == "\r" }
        guard let first = firstIndex(where: { !isBlank($0) }), let last = lastIndex(where: { !isBlank($0) }) else {
            return ""
        }
        return String(self[first...last])
    }
}
