import MillraceCore

/// Lays out the help of the tool and of each verb.
struct Help {
    let root: Verb
    let style: Style

    /// The help of the verb at a path; of the tool when it is empty.
    func text(for path: [String]) -> String {
        var verb = root
        for word in path { verb = verb.verbs.first { $0.name == word } ?? verb }
        return path.isEmpty ? toolText() : verb.verbs.isEmpty ? verbText(verb, path) : groupText(verb, path)
    }

    private func toolText() -> String {
        var text = "\(style.bold("millrace"))  \(root.summary)\n\n"
        text += heading("Usage") + "  millrace VERB [ARGUMENT ...] [--option ...]\n\n"
        for group in root.verbs {
            text += heading(group.verbs.isEmpty ? "millrace \(group.name)" : "millrace \(group.name) …")
            text += group.verbs.isEmpty ? "  \(group.summary)\n" : list(group.verbs.map { ($0.name, $0.summary) })
            text += "\n"
        }
        text += heading("Options of every verb") + list(Verb.globalOptions.map { ($0.usage, $0.help) }) + "\n"
        text += heading("Exit codes") + list(ExitCode.allCases.map { ("\($0.rawValue)", $0.meaning) }) + "\n"
        return text + "'millrace help VERB' says more about one of them.\n"
    }

    private func groupText(_ verb: Verb, _ path: [String]) -> String {
        var text = "\(style.bold(way(path)))  \(verb.summary)\n\n"
        if !verb.about.isEmpty { text += verb.about + "\n\n" }
        text += list(verb.verbs.map { ($0.name, $0.summary) }) + "\n"
        if !verb.examples.isEmpty { text += heading("Examples") + examples(verb) + "\n" }
        return text + "'\(way(path)) VERB --help' says more about one of them.\n"
    }

    private func verbText(_ verb: Verb, _ path: [String]) -> String {
        let words = [way(path)] + verb.arguments.map(\.usage) + (verb.options.isEmpty ? [] : ["[--option ...]"])
        var text = "\(style.bold(way(path)))  \(verb.summary)\n\n"
        text += heading("Usage") + "  " + words.joined(separator: " ") + "\n\n"
        if !verb.about.isEmpty { text += verb.about + "\n\n" }
        if !verb.arguments.isEmpty {
            text += heading("Arguments") + list(verb.arguments.map { ($0.name, $0.help) }) + "\n"
        }
        if !verb.options.isEmpty { text += heading("Options") + list(verb.options.map { ($0.usage, $0.help) }) + "\n" }
        if !verb.examples.isEmpty { text += heading("Examples") + examples(verb) + "\n" }
        return text + "Options of every verb: \(Verb.globalOptions.map { "--\($0.name)" }.joined(separator: ", ")).\n"
    }

    private func way(_ path: [String]) -> String { (["millrace"] + path).joined(separator: " ") }
    private func heading(_ text: String) -> String { style.bold(text) + "\n" }
    private func examples(_ verb: Verb) -> String {
        verb.examples.map { "  \($0.command)\n      \(style.dim($0.meaning))\n" }.joined()
    }
    private func list(_ rows: [(String, String)]) -> String {
        let width = rows.map { $0.0.count }.max() ?? 0
        return rows.map { "  \($0.0.padded(to: width))  \(style.dim($0.1))\n" }.joined()
    }
}
