import MillraceCore
import MillraceTables
import PlainSockets

/// Followers of one partition get ten changes a second, while others ask for a whole table and read nothing of it.
enum Followers {
    /// - Returns: seconds within which 99 of 100 events were there.
    static func run(
        port: Int, tables: TableStore, clock: SystemClock, readers: Int, stalled: Int
    ) throws -> Double {
        let table = try tables.require("app", "views")
        let request = { (query: String) in "GET /tables/views?\(query)follow HTTP/1.1\r\nHost: localhost\r\n\r\n" }
        let idle = try (0..<stalled).map { _ in try Sockets.connect(port: port, receiveBuffer: 4_096) }
        for descriptor in idle { Sockets.write(request(""), to: descriptor) }
        let clients = try (0..<readers).map { _ in try Sockets.connect(port: port) }
        for descriptor in clients { Sockets.write(request("key=live&"), to: descriptor) }

        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let settled = clock.now + .seconds(5)
        while clock.now < settled { Sockets.read(clients, milliseconds: 100, &buffer) { _, _ in } }

        let events = 100
        // When each change was begun to be committed; a thread of its own, as a pipeline's commits have.
        let begun = Lock([MonotonicTime]())
        let writer = OwnedThread(name: "changes") {
            let start = clock.now
            for n in 0..<events {
                let due = start + .milliseconds(100) * Int64(n)
                while clock.now < due { pauseShortly() }
                begun.withLock { $0.append(clock.now) }
                do {
                    var commit = tables.begin()
                    try commit.put(
                        table, key: [.text("live"), .bigint(Int64(n))], [.bigint(Int64(1_000_000 + n)), nil])
                    try tables.commit(commit)
                } catch { report("a change failed: \(error)") }
            }
        }
        var latencies: [Double] = []
        latencies.reserveCapacity(readers * events)
        var got = [Int](repeating: 0, count: readers)
        // The number may be cut in two by the end of a piece.
        var rests = [[UInt8]](repeating: [], count: readers)
        let end = clock.now + .seconds(20)
        let (client, process) = (Load.cpu(Load.thisThread), Load.cpu(Load.process))
        while got.contains(where: { $0 < events }), clock.now < end {
            Sockets.read(clients, milliseconds: 1_000, &buffer) { index, bytes in
                let now = clock.now
                let all = rests[index] + bytes
                let (numbers, used) = Self.numbers(in: all)
                rests[index] = Array(all[used...])
                for number in numbers {
                    got[index] += 1
                    latencies.append((now - begun.withLock { $0[number] }).seconds)
                }
            }
        }
        writer.join()
        let cpu = (Load.cpu(Load.process) - process - Load.cpu(Load.thisThread) + client) * 1e6
        let each = (cpu / Double(max(1, latencies.count)) * 10).rounded() / 10
        latencies.sort()
        let lost = got.filter { $0 != events }.count
        report(
            "\(readers) followers, 10 changes a second, \(stalled) that read nothing: p50 "
                + "\(Times.milliseconds(Times.percentile(latencies, 0.5))), p99 "
                + "\(Times.milliseconds(Times.percentile(latencies, 0.99))), most "
                + "\(Times.milliseconds(latencies.last ?? .nan)); \(lost) followers without all \(events) changes; "
                + "server CPU an event \(each) µs")
        for descriptor in clients + idle { Sockets.close(descriptor) }
        return Times.percentile(latencies, 0.99)
    }

    /// The numbers behind `"count":1` and six digits, and how far the bytes were used.
    private static func numbers(in bytes: [UInt8]) -> ([Int], Int) {
        let mark = Array("\"count\":1".utf8)
        var (found, index) = ([Int](), 0)
        while index + mark.count + 6 <= bytes.count {
            if bytes[index] == mark[0], bytes[index..<index + mark.count].elementsEqual(mark) {
                let digits = bytes[index + mark.count..<index + mark.count + 6]
                found.append(digits.reduce(0) { $0 * 10 + Int($1) - 0x30 })
                index += mark.count + 6
            } else {
                index += 1
            }
        }
        return (found, index)
    }
}
