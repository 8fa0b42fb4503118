import MillraceCore
import PlainSockets

/// Connections that never end their head beside honest requests: those are served as before, these are ended.
enum SlowHeads {
    /// - Returns: seconds within which 99 of 100 honest requests were answered.
    static func run(port: Int, clock: SystemClock, connections: Int) throws -> Double {
        let before = try honest(port: port, clock: clock, seconds: 3) { true }
        let slow = try (0..<connections).map { _ in try Sockets.connect(port: port) }
        for descriptor in slow { Sockets.write("GET /logs HTTP/1.1\r\nHost: loc", to: descriptor) }
        let start = clock.now
        var (open, nextLetter) = (slow.count, start)
        let during = try honest(port: port, clock: clock, seconds: 40) {
            if clock.now >= nextLetter {
                // A letter now and then keeps an idle timer from seeing anything.
                open = slow.filter { Sockets.write("a", to: $0) }.count
                nextLetter = clock.now + .seconds(1)
            }
            return open > 0
        }
        let over = (clock.now - start).seconds
        for descriptor in slow { Sockets.close(descriptor) }
        report(
            "\(connections) heads that never end: all ended after \((over * 10).rounded() / 10) s; honest requests p50 "
                + "\(Times.milliseconds(Times.percentile(during, 0.5))) (alone "
                + "\(Times.milliseconds(Times.percentile(before, 0.5)))), p99 "
                + "\(Times.milliseconds(Times.percentile(during, 0.99))) (alone "
                + "\(Times.milliseconds(Times.percentile(before, 0.99))))")
        return Times.percentile(during, 0.99)
    }

    /// Times of requests on eight connections, a hundred a second, sorted.
    private static func honest(
        port: Int, clock: SystemClock, seconds: Int64, _ goesOn: () -> Bool
    ) throws -> [Double] {
        let clients = try (0..<8).map { _ in try Sockets.connect(port: port) }
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        var times: [Double] = []
        let end = clock.now + .seconds(seconds)
        var turn = 0
        while clock.now < end, goesOn() {
            let descriptor = clients[turn % clients.count]
            turn += 1
            let begin = clock.now
            Sockets.write("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", to: descriptor)
            var isAnswered = false
            while !isAnswered {
                Sockets.read([descriptor], milliseconds: 1_000, &buffer) { _, bytes in isAnswered = !bytes.isEmpty }
            }
            times.append((clock.now - begin).seconds)
            let next = begin + .milliseconds(10)
            while clock.now < next { pauseShortly() }
        }
        for descriptor in clients { Sockets.close(descriptor) }
        return times.sorted()
    }
}
