import MillraceCore

/// Turns the words of a command line into a verb with its arguments and options. Knows nothing about what verbs do.
struct ArgumentParser {
    enum Outcome: Sendable {
        /// A verb with an action, ready to run.
        case run(path: [String], verb: Verb, arguments: [String], options: [String: [String]])
        /// Help was asked for, of the tool when the path is empty.
        case help(path: [String], options: [String: [String]])
        case version
    }

    let root: Verb

    func parse(_ words: [String]) throws(Failure) -> Outcome {
        var words = words[...]
        var asksHelp = words.first == "help"
        if asksHelp { words = words.dropFirst() }
        if words.first == "--version" || words.first == "version" { return .version }

        var (verb, path) = (root, [String]())
        var arguments: [String] = []
        var options: [String: [String]] = [:]
        var onlyArguments = false
        while let word = words.popFirst() {
            if !onlyArguments, word == "--" {
                onlyArguments = true
            } else if !onlyArguments, word.hasPrefix("-"), word != "-", Double(word) == nil {
                try take(option: word, of: verb, at: path, rest: &words, into: &options)
            } else if verb.verbs.isEmpty {
                arguments.append(word)
            } else if word == "help", !path.isEmpty {
                asksHelp = true
            } else {
                verb = try step(from: verb, at: path, to: word)
                path.append(word)
            }
        }
        if asksHelp || options["help"] != nil || verb.action == nil { return .help(path: path, options: options) }
        try check(arguments, of: verb, at: path)
        return .run(path: path, verb: verb, arguments: arguments, options: options)
    }

    private func step(from verb: Verb, at path: [String], to word: String) throws(Failure) -> Verb {
        if let next = verb.verbs.first(where: { $0.name == word }) { return next }
        let way = (["millrace"] + path).joined(separator: " ")
        let near = Spelling.nearest(to: word, in: verb.verbs.map(\.name))
        throw Failure(
            .usage, "there is no '\(way) \(word)'",
            advice: near.map { "Did you mean '\(way) \($0)'?" } ?? "See '\(way) --help'")
    }

    private func take(
        option word: String, of verb: Verb, at path: [String], rest: inout ArraySlice<String>,
        into options: inout [String: [String]]
    ) throws(Failure) {
        let known = verb.options + Verb.globalOptions
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let given = parts[0]
        let match = known.first { option in
            given == "--\(option.name)" || option.letter.map { given == "-\($0)" } ?? false
        }
        guard let match else {
            let near = Spelling.nearest(to: given.drop { $0 == "-" }.description, in: known.map(\.name))
            let way = (["millrace"] + path).joined(separator: " ")
            throw Failure(
                .usage, "there is no option '\(given)'",
                advice: near.map { "Did you mean --\($0)?" } ?? "See '\(way) --help'")
        }
        guard match.value != nil else {
            guard parts.count == 1 else {
                throw Failure(.usage, "--\(match.name) takes no value", advice: "Write it without '='")
            }
            options[match.name, default: []].append("")
            return
        }
        guard let value = parts.count == 2 ? parts[1] : rest.popFirst() else {
            throw Failure(.usage, "--\(match.name) needs a value", advice: "Write --\(match.name) \(match.value ?? "")")
        }
        options[match.name, default: []].append(value)
    }

    private func check(_ arguments: [String], of verb: Verb, at path: [String]) throws(Failure) {
        let way = (["millrace"] + path).joined(separator: " ")
        let usage = ([way] + verb.arguments.map(\.usage)).joined(separator: " ")
        let needed = verb.arguments.filter { $0.count == .one }
        if arguments.count < needed.count {
            throw Failure(.usage, "\(needed[arguments.count].name) is missing", advice: "Write: \(usage)")
        }
        let takesMany = verb.arguments.contains { $0.count == .many }
        if !takesMany, arguments.count > verb.arguments.count {
            throw Failure(
                .usage, "'\(arguments[verb.arguments.count])' is one argument too many", advice: "Write: \(usage)")
        }
    }
}
