import Millrace

/// The queries over one stream of a million events, each as a pipeline of one node, into tables.
///
/// `NEXMARK_QUERIES=q5,q7` runs those alone and throws their results away, which is what `run` beside this file
/// measures; `NEXMARK_EVENTS` is the length of the stream.
@main struct NexmarkApp: StreamApp {
    var topology: Topology {
        let host = HostProcess.system
        let stream = NexmarkSource(count: host.variable("NEXMARK_EVENTS").flatMap { Int64($0) } ?? 1_000_000)
        guard let names = host.variable("NEXMARK_QUERIES") else {
            return Topology([
                stream.feeds(Query3(), with: stream).into(Table("q3_sellers")),
                stream.feeds(Query4()).into(Table("q4_mean_prices")),
                stream.feeds(Query5()).into(Table("q5_hot_auctions")),
                stream.feeds(Query7()).into(Table("q7_highest_bids")),
                stream.feeds(Query8(), with: stream).into(Table("q8_new_sellers")),
                stream.feeds(Query11()).into(Table("q11_sessions")),
                stream.feeds(Query12()).into(Table("q12_bids")),
                .console(Console(port: 8080)),
            ])
        }
        let nowhere = Nowhere()
        return Topology(
            names.split(separator: ",").compactMap { name in
                switch name {
                case "q0": stream.feeds(Query0()).into(nowhere)
                case "q1": stream.feeds(Query1()).into(nowhere)
                case "q2": stream.feeds(Query2()).into(nowhere)
                case "q3": stream.feeds(Query3(), with: stream).into(nowhere)
                case "q4": stream.feeds(Query4()).into(nowhere)
                case "q5": stream.feeds(Query5()).into(nowhere)
                case "q7": stream.feeds(Query7()).into(nowhere)
                case "q8": stream.feeds(Query8(), with: stream).into(nowhere)
                case "q11": stream.feeds(Query11()).into(nowhere)
                case "q12": stream.feeds(Query12()).into(nowhere)
                default: nil
                }
            })
    }
}

/// Takes rows and forgets them.
final class Nowhere: Sink {
    let name = "nowhere"
    func writer(task: String, layout: RowLayout) throws(Failure) -> any SinkWriter { Writer() }

    private final class Writer: SinkWriter {
        func prepare(_ rows: RowBuffer, commit number: Int64) throws(Failure) {}
        func publish(commit number: Int64) throws(Failure) {}
        func recover(lastCommit number: Int64) throws(Failure) {}
        func close() {}
    }
}
