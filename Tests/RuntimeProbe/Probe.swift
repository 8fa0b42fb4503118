import Foundation
import MillraceCore
import MillraceRuntime

/// The process the guard's tests guard: a tiny node that reads records 0 ..< 1000 in batches, commits its position to a
/// file after each, and meets poison.
@main struct Probe {
    static func main() throws {
        Signals.block()
        let arguments = CommandLine.arguments
        let home = URL(fileURLWithPath: arguments[2])
        switch arguments[1] {
        case "poison": try poison(home)
        case "hang": try hang(home)
        case "code": exit(Int32(arguments[3]) ?? 99)
        case "signals": try signals(home, stubborn: arguments[3] == "stubborn")
        default: exit(98)
        }
    }

    static func note(_ home: URL, _ file: String, _ line: String) {
        let path = home.appendingPathComponent(file).path
        let old = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        try? (old + line + "\n").write(toFile: path, atomically: true, encoding: .utf8)
    }

    static func book() throws -> BlameBook {
        let directory = ProcessGuard.directory(in: CommandLine.arguments)
        return try BlameBook(directory: directory ?? "", storage: PosixStorage())
    }

    static func poison(_ home: URL) throws {
        let book = try book()
        let clock = SystemClock()
        book.keepBeating(on: clock)
        note(home, "starts", "start")
        let position = home.appendingPathComponent("position").path
        // Another task that is always in user code, and innocent.
        let bystander = Thread {
            let slot = try? book.slot(pipeline: "innocent", stage: 0, partition: 0)
            while true {
                slot?.enter(from: 5, through: 5)
                usleep(100)
                slot?.leave()
            }
        }
        bystander.start()
        let worker = Thread {
            guard let slot = try? book.slot(pipeline: "clicks", stage: 1, partition: 3) else { exit(97) }
            var next = Int64((try? String(contentsOfFile: position, encoding: .utf8)) ?? "") ?? 0
            while next < 1_000 {
                let batch = next..<next + 100
                let isSuspect = book.ledger.suspects.contains { range in
                    range.pipeline == "clicks" && batch.contains { range.contains($0) }
                }
                if !isSuspect { slot.enter(from: batch.lowerBound, through: batch.upperBound - 1) }
                // A real node commits dead letters and position as one.
                var dead: [String] = []
                for offset in batch {
                    if book.ledger.isCondemned(pipeline: "clicks", stage: 1, partition: 3, offset: offset) {
                        dead.append("\(offset)")
                        continue
                    }
                    if isSuspect { slot.enter(from: offset, through: offset) }
                    userCode(offset)
                    if isSuspect { slot.leave() }
                }
                if !isSuspect { slot.leave() }
                for line in dead { note(home, "dead", line) }
                next += 100
                try? "\(next)".write(toFile: position, atomically: true, encoding: .utf8)
            }
            exit(0)
        }
        worker.stackSize = 1 << 20
        worker.start()
        while true { sleep(1) }
    }

    @inline(never) static func userCode(_ offset: Int64) {
        switch offset {
        case 137: print([1, 2, 3][Int(offset)])
        case 138: print(overflow(Int.max))
        case 600: print(deep(1))
        case 601: abort()
        default: break
        }
    }
    @inline(never) static func overflow(_ n: Int) -> Int { n + Int(CommandLine.argc) }
    @inline(never) static func deep(_ n: Int) -> Int {
        n == Int(CommandLine.argc) * -1 ? 0 : deep(n &+ 1) &+ deep(n &+ 2)
    }

    /// The first life has no heart beat; the second ends well.
    static func hang(_ home: URL) throws {
        let path = home.appendingPathComponent("second").path
        let isSecond = FileManager.default.fileExists(atPath: path)
        try Data().write(to: URL(fileURLWithPath: path))
        let book = try book()
        if isSecond { exit(0) }
        let slot = try book.slot(pipeline: "slow", stage: 0, partition: 0)
        slot.enter(from: 42, through: 42)
        while true { sleep(1) }
    }

    static func signals(_ home: URL, stubborn: Bool) throws {
        let book = try book()
        let clock = SystemClock()
        book.keepBeating(on: clock)
        // As an asynchronous `main` leaves the first thread: it lets signals in.
        var set = sigset_t()
        sigfillset(&set)
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
        Signals.listen { signal in
            note(home, "signals", "\(signal)")
            if !stubborn { exit(0) }
        }
        note(home, "ready", "ready")
        while true { sleep(1) }
    }
}
