/// What a stream app says about itself.
enum AppHelp {
    static func text(_ name: String) -> String {
        let verbs = [
            ("run", "run the node until its inputs end or it is told to stop (the default)"),
            ("describe", "print the plan of every pipeline"),
            ("check", "check the topology and the settings, run nothing"),
            ("status", "what the running node is doing"),
            ("why PIPELINE", "why a window has not fired, and where lag comes from"),
            ("explain TABLE KEY…", "the commits behind a row, and the inputs behind them"),
            ("dead-letters PIPELINE", "records that could not be processed"),
            ("parked PIPELINE", "keys that wait because a record of theirs failed"),
            ("redrive PIPELINE", "send dead letters to their log again, in order"),
            ("pause PIPELINE", "read no further; resume PIPELINE goes on"),
        ].map { ["\(name) \($0.0)", $0.1] }
        let settings = Setting.all.map { [$0.argumentName, "\($0.meaning) (\($0.form))"] }
        return "usage: \(name) [VERB] [--setting VALUE …]\n\n" + Columns.aligned(verbs, indent: 2) + "\nsettings\n"
            + Columns.aligned(settings, indent: 2)
            + "\n  --config FILE takes settings from a file; --print-config shows those in force"
    }
}
