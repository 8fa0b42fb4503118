import MillraceCore

@main struct Main {
    static func main() async {
        let code = await Tool(
            arguments: Array(CommandLine.arguments.dropFirst()), environment: SystemProcess.environment
        )
        .run()
        SystemProcess.exit(code.rawValue)
    }
}

/// The tool from words to exit code.
struct Tool: Sendable {
    let arguments: [String]
    let environment: [String: String]

    func run() async -> ExitCode {
        let parser = ArgumentParser(root: Catalogue.root)
        defer { OutputStream.standardOutput.flush() }
        do {
            switch try parser.parse(arguments) {
            case .version:
                Terminal(environment: environment).out.line("millrace \(Catalogue.version)")
            case .help(let path, let options):
                let terminal = Terminal(environment: environment, options: options)
                terminal.out.write(Help(root: Catalogue.root, style: terminal.style).text(for: path))
            case .run(let path, let verb, let arguments, let options):
                let terminal = Terminal(environment: environment, options: options)
                let invocation = Invocation(
                    path: path, verb: verb, arguments: arguments, options: options, environment: environment,
                    terminal: terminal)
                switch verb.action {
                case .blocking(let action): try action(invocation)
                case .concurrent(let action): try await action(invocation)
                case nil: preconditionFailure("the parser runs only verbs with an action")
                }
            }
            return .success
        } catch let failure as Failure {
            report(failure)
            return ExitCode(failure)
        } catch {
            report(Failure(.io, "\(error)"))
            return .failure
        }
    }

    /// One line on the error stream: what happened, where, and what to do.
    private func report(_ failure: Failure) {
        let terminal = Terminal(environment: environment)
        terminal.out.flush()
        var line = terminal.errorStyle.red("millrace: ") + failure.message
        if !failure.place.isEmpty { line += " (\(failure.place))" }
        if let cause = failure.cause { line += ": \(cause)" }
        if !failure.advice.isEmpty { line += ". \(failure.advice)" }
        terminal.error.line(line)
    }
}
