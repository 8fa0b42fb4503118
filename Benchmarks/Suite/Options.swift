import BenchmarkHarness
import MillraceCore

/// What the command line asks for.
struct Options: Equatable {
    enum Format: String { case text, json, markdown }

    static let usage = """
        millrace bench [NAME …]             measure all workloads, or those whose names begin so: flow, log.scan
              --full                        large sizes and 7 runs; small ones and 3 runs otherwise
              --smoke                       small sizes, once: whether answers and gates hold
              --runs N                      how many runs, in turns with the control
              --json | --markdown           another form than the table for a terminal
              --save FILE                   also write the results as JSON, one a line
              --compare FILE                hold them against a file that was saved before
        millrace bench list                 the workloads with their units and goals
        millrace bench compare FILE FILE    two saved files side by side
        millrace bench page FILE …          a page of charts of saved files, as HTML
        millrace bench document FILE …      the same as Markdown

        Whole programs, each by a script that has a --help of its own:
        millrace bench peers                the Yahoo streaming benchmark beside Flink, Spark, Bytewax, DuckDB, C++;
                                            puts and gets beside RocksDB's db_bench
        millrace bench nexmark              Nexmark; --flink beside Flink
        millrace bench node                 memory, throughput, latency, start and recovery of a node; --full: and scale
        millrace bench db_bench             the tables beside RocksDB's db_bench, operation by operation
        millrace bench console              reads over HTTP, followers, slow connections
        millrace bench instructions         instructions a record of the workloads that have a gate on them
        millrace bench everything           all that docs/benchmarks.md shows, with the page, in a quarter of an hour

        millrace bench generate ads|nexmark DIRECTORY EVENTS   the streams as files of JSON lines

        """

    var names: [String] = []
    var isFull = false
    var runs: Int?
    var format = Format.text
    var save: String?
    var compare: String?

    /// - Throws: `Failure` that says what is wrong with the words.
    init(_ words: some Sequence<String>) throws(Failure) {
        var words = Array(words)[...]
        func value(of option: String) throws(Failure) -> String {
            guard let value = words.popFirst(), !value.hasPrefix("--") else {
                throw Options.wrong("\(option) needs a value after it")
            }
            return value
        }
        while let word = words.popFirst() {
            switch word {
            case "--full": isFull = true
            case "--smoke": runs = 1
            case "--json": format = .json
            case "--markdown": format = .markdown
            case "--save": save = try value(of: word)
            case "--compare": compare = try value(of: word)
            case "--runs":
                let text = try value(of: word)
                guard let count = Int(text), count > 0 else {
                    throw Options.wrong("--runs takes a whole number from 1 on, not \(text)")
                }
                runs = count
            case _ where word.hasPrefix("-"): throw Options.wrong("there is no option \(word)")
            default: names.append(word)
            }
        }
    }

    var runCount: Int { runs ?? (isFull ? 7 : 3) }

    /// Those whose names begin with a word that was given, in the suite's order.
    func chosen(from all: [Workload]) throws(Failure) -> [Workload] {
        for name in names where !all.contains(where: { $0.name.hasPrefix(name) }) {
            var areas: [String] = []
            for area in all.map({ $0.name.prefix { $0 != "." } }) where areas.last != String(area) {
                areas.append(String(area))
            }
            throw Failure(
                .invalidArgument, "no workload's name begins with \(name)",
                advice: "The areas are \(areas.joined(separator: ", ")); `millrace bench list` names all, "
                    + "`millrace bench help` the other verbs")
        }
        return names.isEmpty ? all : all.filter { workload in names.contains { workload.name.hasPrefix($0) } }
    }

    private static func wrong(_ what: String) -> Failure {
        Failure(.invalidArgument, what, advice: "`millrace bench help` lists what there is")
    }
}
