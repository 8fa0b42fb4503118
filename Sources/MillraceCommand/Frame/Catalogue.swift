import MillraceCore

/// Every verb of the tool. A group of verbs is one file; it is named here and nowhere else.
enum Catalogue {
    static let version = "0.1.0"

    static let root = Verb(
        name: "millrace", summary: "a log, pipelines and tables in one process",
        verbs: [
            logVerbs, tableVerbs,
        ])
}
