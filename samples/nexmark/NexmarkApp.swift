import BenchmarkData
import Millrace
import MillraceCore

/// The queries over one stream of a million events, each as a pipeline of one node, into tables.
///
/// `NEXMARK_QUERIES=q5,q7` runs those alone and throws their results away, which is what `run` beside this file
/// measures, or keeps them in the directory `NEXMARK_ANSWERS`. `NEXMARK_EVENTS` is the length of the stream;
/// `NEXMARK_FILE` is a file of its lines to read instead, which `millrace-bench generate nexmark` writes.
@main struct NexmarkApp: StreamApp {
    var topology: Topology {
        let host = HostProcess.system
        let count = host.variable("NEXMARK_EVENTS").flatMap { Int64($0) } ?? 1_000_000
        if let path = host.variable("NEXMARK_FILE") { return topology(of: Lines<NexmarkRecord>(file: path), host) }
        let nexmark = Nexmark.benchmark
        // One partition, so that the order is the generator's.
        return topology(of: Generator("nexmark", count: count) { NexmarkRecord(event: nexmark.event($0)) }, host)
    }

    private func topology(of stream: some PipelineInput<NexmarkRecord>, _ host: HostProcess) -> Topology {
        guard let names = host.variable("NEXMARK_QUERIES") else {
            return Topology([
                stream.feeds(Query3(), with: stream).into(Table("q3_sellers")),
                stream.feeds(Query4()).into(Table("q4_mean_prices")),
                stream.feeds(Query5()).into(Table("q5_hot_auctions")),
                stream.feeds(Query7()).into(Table("q7_highest_bids")),
                stream.feeds(Query8()).into(Table("q8_new_sellers")),
                stream.feeds(Query11()).into(Table("q11_sessions")),
                stream.feeds(Query12()).into(Table("q12_bids")),
                .console(Console(port: 8080)),
            ])
        }
        let results = Results(in: host.variable("NEXMARK_ANSWERS"))
        return Topology(
            names.split(separator: ",").compactMap { name in
                switch name {
                case "none": stream.feeds(NoQuery()).into(results)
                case "q0": stream.feeds(Query0()).into(results)
                case "q1": stream.feeds(Query1()).into(results)
                case "q2": stream.feeds(Query2()).into(results)
                case "q3": stream.feeds(Query3(), with: stream).into(results)
                case "q4": stream.feeds(Query4()).into(results)
                case "q5": stream.feeds(Query5()).into(results)
                case "q7": stream.feeds(Query7()).into(results)
                case "q8": stream.feeds(Query8()).into(results)
                case "q11": stream.feeds(Query11()).into(results)
                case "q12": stream.feeds(Query12()).into(results)
                default: nil
                }
            })
    }
}

/// Takes rows and forgets them; or keeps them in a file for each task, for whoever compares them with another system's.
final class Results: Sink {
    let name = "results"
    private let directory: String?

    init(in directory: String?) { self.directory = directory }

    func writer(task: String, layout: RowLayout) throws(Failure) -> any SinkWriter {
        Writer(path: directory.map { $0 + "/" + task.split(separator: "/").joined(separator: "-") })
    }

    /// `@unchecked Sendable` because a task calls its writer from one place at a time.
    private final class Writer: SinkWriter, @unchecked Sendable {
        private let path: String?
        private var position: Int64 = 0

        init(path: String?) { self.path = path }

        func prepare(_ rows: RowBuffer, commit number: Int64) throws(Failure) {
            guard let path, !rows.isEmpty else { return }
            var lines = ByteWriter()
            rows.forEach { _, cells in lines.text(cells.map(Self.text).joined(separator: ",") + "\n") }
            do {
                let file = try PosixStorage().open(path, .create)
                defer { file.close() }
                try lines.bytes.withUnsafeBytes { try file.write($0, at: position) }
                position += Int64(lines.count)
            } catch {
                throw Failure(.io, "an answer cannot be kept: \(error)", advice: "Make room there", place: path)
            }
        }
        func publish(commit number: Int64) throws(Failure) {}
        func recover(lastCommit number: Int64) throws(Failure) {}
        func close() {}

        private static func text(_ cell: RowCell) -> String {
            switch cell {
            case .null: ""
            case .bool(let value): "\(value)"
            case .int(let value): "\(value)"
            case .double(let value): "\(value)"
            case .text(let bytes), .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
            case .time(let time): "\(time.microseconds)"
            }
        }
    }
}
