import MillraceCore

/// Something the tool can do, or a group of such things: its name, its help and what runs.
///
/// To add a group, write one file with a `static let` of this type and name it in `Catalogue.verbs`.
struct Verb: Sendable {
    /// What runs. Throw a `Failure` to end with an error; its code picks the exit code.
    enum Action: Sendable {
        /// On the main thread, which may block.
        case blocking(@Sendable (Invocation) throws -> Void)
        /// Off the main thread.
        case concurrent(@Sendable (Invocation) async throws -> Void)
    }

    let name: String
    /// One line without a full stop, for the list of verbs.
    let summary: String
    /// Paragraphs for the verb's own help.
    var about = ""
    var arguments: [Argument] = []
    var options: [Option] = []
    var examples: [Example] = []
    /// The verbs of a group. A verb has these or an action.
    var verbs: [Verb] = []
    var action: Action?

    struct Argument: Sendable {
        enum Count: Sendable { case one, optional, many }
        let name: String
        let help: String
        var count = Count.one

        var usage: String {
            switch count {
            case .one: name
            case .optional: "[\(name)]"
            case .many: "[\(name) ...]"
            }
        }
    }

    struct Option: Sendable {
        let name: String
        var letter: Character?
        /// What stands for the value in help; nil for a switch.
        var value: String?
        let help: String

        static func flag(_ name: String, _ letter: Character? = nil, _ help: String) -> Option {
            Option(name: name, letter: letter, value: nil, help: help)
        }
        static func value(_ name: String, _ value: String, _ letter: Character? = nil, _ help: String) -> Option {
            Option(name: name, letter: letter, value: value, help: help)
        }
        var usage: String {
            (letter.map { "-\($0), " } ?? "    ") + "--\(name)" + (value.map { " \($0)" } ?? "")
        }
    }

    struct Example: Sendable {
        let command: String
        let meaning: String
        init(_ command: String, _ meaning: String) { (self.command, self.meaning) = (command, meaning) }
    }

    /// Options that every verb takes.
    static let globalOptions: [Option] = [
        .value("data", "DIR", "data directory (else MILLRACE_DATA, else .millrace)"),
        .flag("json", "print JSON, one object a line (the default when output is not a terminal)"),
        .flag("text", "print aligned columns even when output is not a terminal"),
        .flag("no-color", "print without colours (as does the variable NO_COLOR)"),
        .flag("quiet", "q", "print no progress and no notes"),
        .flag("help", "h", "print this help"),
    ]
}

extension Verb.Option {
    static func flag(_ name: String, _ help: String) -> Verb.Option { .flag(name, nil, help) }
    static func value(_ name: String, _ value: String, _ help: String) -> Verb.Option {
        .value(name, value, nil, help)
    }
}
