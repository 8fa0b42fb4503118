import BenchmarkReport
import MillraceConsole
import MillraceCore
import MillraceTables
import PlainSockets

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The console under load. Rows read over HTTP: one request for one row, keep-alive connections, one request after the
/// other on each; then a thousand followers beside two hundred that stall, and two thousand slow heads. Server and
/// client are one process on the same cores; their CPU time is told apart.
///
///     ConsoleBenchmark DIRECTORY [SECONDS] [CONNECTIONS] [--save FILE]
@main struct Main {
    static func main() async throws {
        var arguments = CommandLine.arguments
        var save: String?
        if let option = arguments.firstIndex(of: "--save"), option + 1 < arguments.count {
            save = arguments[option + 1]
            arguments.removeSubrange(option...option + 1)
        }
        guard arguments.count >= 2 else {
            return report("usage: ConsoleBenchmark DIRECTORY [SECONDS] [CONNECTIONS] [--save FILE]")
        }
        let seconds = arguments.count > 2 ? Double(arguments[2]) ?? 5 : 5
        let connections = arguments.count > 3 ? Int(arguments[3]) ?? 64 : 64
        let clock = SystemClock()
        let tables = try TableStore.open(directory: arguments[1], clock: clock)
        let rows = 100_000
        var kept = Kept()
        try fill(tables, rows: rows)
        let backend = ConsoleBackend(status: { preconditionFailure("nobody asks") }, tables: tables)
        let server = try ConsoleServer(.init(port: 0), token: "none", backend: backend, clock: clock)
        let port = try server.start()
        for (name, target) in [
            ("one row by its key", { (n: Int) in "/tables/views?key=page\(n % rows)&key=1" }),
            ("health", { _ in "/health" }),
        ] {
            var rates: [Double] = []
            for _ in 0..<3 {
                let load = try Load(port: port, connections: connections)
                let figures = load.run(seconds: seconds / 3, clock: clock, target: target)
                report("\(name): \(figures.text)")
                rates.append(figures.perSecond)
            }
            kept.note(
                "\(connections) connections, \(name), client on the same cores", Spread(rates).median, "a second",
                target(0).hasPrefix("/tables") ? .least(30_000) : nil)
        }
        for stalled in [0, 200] {
            let latest = try Followers.run(port: port, tables: tables, clock: clock, readers: 1_000, stalled: stalled)
            let beside = stalled == 0 ? "" : ", \(stalled) more that read nothing"
            kept.note(
                "change to event, 1,000 followers, 10 changes a second\(beside), p99", latest * 1_000, "ms",
                .most(100))
        }
        let latest = try SlowHeads.run(port: port, clock: clock, connections: 2_000)
        kept.note("a request beside 2,000 heads that never end, p99", latest * 1_000, "ms")
        await server.stop()
        tables.close()
        if let save { try PosixStorage().replace(save, with: Array(try ResultLine.text(kept.figures).utf8)) }
    }

    private static func fill(_ tables: TableStore, rows: Int) throws {
        guard !tables.keyspaces.contains("app") else { return }
        try tables.createKeyspace("app")
        let table = try tables.createTable(
            TableSchema.Builder("app", "views").partitionKey("page", .text).clustering("at", .bigint)
                .column("count", .bigint).column("note", .text).build())
        for start in stride(from: 0, to: rows, by: 1_000) {
            var commit = tables.begin()
            for n in start..<start + 1_000 {
                try commit.put(table, key: [.text("page\(n)"), .bigint(1)], [.bigint(Int64(n)), .text("a note")])
            }
            try tables.commit(commit)
        }
    }
}

/// The figures that a document shows.
struct Kept {
    private(set) var figures: [ResultLine.Figure] = []
    mutating func note(_ name: String, _ value: Double, _ unit: String, _ limit: ResultLine.Figure.Limit? = nil) {
        figures.append(.init(area: "The console", name: name, value: value, unit: unit, limit: limit))
    }
}

struct Figures {
    var requests = 0
    var seconds = 0.0
    var clientCPU = 0.0
    var processCPU = 0.0
    var perSecond: Double { Double(requests) / seconds }
    var text: String {
        let each = 1e6 / Double(max(1, requests))
        let server = ((processCPU - clientCPU) * each * 10).rounded() / 10
        let client = (clientCPU * each * 10).rounded() / 10
        return "\(Int(perSecond)) a second, CPU a request: server \(server) µs, client \(client) µs"
    }
}

/// Keep-alive connections of one thread, one request at a time on each.
struct Load {
    private let descriptors: [Int32]

    init(port: Int, connections: Int) throws {
        descriptors = try (0..<connections).map { _ in try Sockets.connect(port: port) }
    }

    func run(seconds: Double, clock: SystemClock, target: (Int) -> String) -> Figures {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        var figures = Figures()
        // Made before, so that the client's own work is what a client has to do.
        let requests = (0..<10_000).map { n in
            Array("GET \(target(n &* 7_919)) HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
        }
        let (begin, client, process) = (clock.now, Self.cpu(Self.thisThread), Self.cpu(Self.process))
        // A request on each; from then on the next one as soon as the answer is there, so that the server always has
        // something to do while the client reads.
        for (n, descriptor) in descriptors.enumerated() { Sockets.write(requests[n % requests.count], to: descriptor) }
        var isOver = false
        while !isOver {
            isOver = (clock.now - begin).seconds >= seconds
            for descriptor in descriptors {
                receive(descriptor, &buffer)
                figures.requests += 1
                if !isOver { Sockets.write(requests[figures.requests % requests.count], to: descriptor) }
            }
        }
        figures.seconds = (clock.now - begin).seconds
        figures.clientCPU = Self.cpu(Self.thisThread) - client
        figures.processCPU = Self.cpu(Self.process) - process
        for descriptor in descriptors { Sockets.close(descriptor) }
        return figures
    }

    /// One whole answer with a Content-Length and status 200.
    private func receive(_ descriptor: Int32, _ buffer: inout [UInt8]) {
        var count = 0
        while true {
            let got = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress! + count, $0.count - count, 0) }
            precondition(got > 0, "the server closed a connection")
            count += got
            if let length = Self.length(of: buffer, count), count >= length { return }
        }
    }

    /// Bytes of head and body, when the head is there.
    private static func length(of buffer: [UInt8], _ count: Int) -> Int? {
        buffer.withUnsafeBytes { bytes in
            guard count > 16, bytes[9] == UInt8(ascii: "2") else {
                precondition(count <= 16, "not 200: \(String(decoding: bytes[..<min(count, 300)], as: UTF8.self))")
                return nil
            }
            var (index, body) = (0, 0)
            while index + 3 < count {
                if bytes[index] == 13, bytes[index + 2] == 13 { return index + 4 + body }
                if bytes[index] == 10, bytes[index + 1] | 32 == UInt8(ascii: "c"), index + 18 < count,
                    bytes[index + 9] | 32 == UInt8(ascii: "l"), bytes[index + 15] == UInt8(ascii: ":")
                {
                    var at = index + 17
                    while at < count, (0x30...0x39).contains(bytes[at]) {
                        body = body * 10 + Int(bytes[at] - 0x30)
                        at += 1
                    }
                }
                index += 1
            }
            return nil
        }
    }

    /// RUSAGE_THREAD, which needs _GNU_SOURCE, and RUSAGE_SELF.
    static let thisThread: Int32 = 1
    static let process: Int32 = 0

    static func cpu(_ who: Int32) -> Double {
        var usage = rusage()
        getrusage(who, &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
}

enum Times {
    static func percentile(_ sorted: [Double], _ share: Double) -> Double {
        sorted.isEmpty ? .nan : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
    }

    static func milliseconds(_ seconds: Double) -> String { "\((seconds * 10_000).rounded() / 10) ms" }
}

func report(_ line: String) {
    // The only output of a benchmark.
    print(line)
}

/// A millisecond, for loops that wait for a moment.
func pauseShortly() { usleep(1_000) }
