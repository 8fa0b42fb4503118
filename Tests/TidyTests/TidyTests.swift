import Testing

@Suite struct TidyTests {
    @Test(arguments: Rule.all) func noFileBreaks(_ rule: Rule) {
        let complaints = Repository.files.flatMap { rule.complaints(about: $0) }
        #expect(complaints.isEmpty, "\n\(complaints.joined(separator: "\n"))")
    }

    @Test(arguments: Rule.all) func theCanaryOfEachRuleIsCaught(_ rule: Rule) {
        #expect(!rule.complaints(about: rule.canary).isEmpty)
        #expect(rule.complaints(about: rule.decent).isEmpty)
    }

    /// Each of a rule's alternatives by itself: a canary with five lines must be caught on all five.
    @Test(arguments: [(Rule.words, 5), (Rule.prints, 2), (Rule.seams, 3), (Rule.randomness, 5), (Rule.manifest, 2)])
    func everyLineOfTheCanaryIsCaught(_ rule: Rule, _ count: Int) {
        #expect(rule.complaints(about: rule.canary).count == count)
    }

    @Test func theRulesSeeTheRealFiles() {
        #expect(Repository.files.count > 100)
        for path in ["Package.swift", "Sources/MillraceCore/Lock.swift", "Sources/CPlatform/CPlatform.c"] {
            #expect(Repository.files.contains { $0.path == path && $0.lines.count > 10 }, "\(path) is scanned")
        }
    }

    @Test func exceptionsAreForFilesThatExistAndNeedThem() {
        for rule in Rule.all {
            for (path, reason) in rule.exceptions {
                #expect(reason.split(separator: " ").count >= 3, "\(path) needs a reason in words")
                let file = Repository.files.first { $0.path == path }
                #expect(
                    file.map { !rule.offences($0).isEmpty } == true, "\(path) is no longer an exception to: \(rule)")
            }
        }
    }

    @Test func commentsAndStringsAreNotCode() {
        let file = SourceFile(
            path: "a.swift",
            text: """
                a // one
                b /* two /* three */ four */ c
                let d = "five \\" six"; e
                let f = #"seven " eight"#; g
                let h = \"\"\"
                    nine " ten
                    \"\"\"; i
                #if os(Linux)
                """)
        let code = file.code.joined(separator: "\n")
        for word in ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"] {
            #expect(!code.contains(word))
        }
        #expect(file.code.count == file.lines.count)
        #expect(code.filter { "abcdefghi".contains($0) }.contains("i"))
        for word in ["c", "; e", "; g", "; i", "#if os(Linux)"] { #expect(code.contains(word), "\(word)") }
    }
}
