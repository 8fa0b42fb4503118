import Foundation
import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

private let zoneDirectory = "/usr/share/zoneinfo"
private let hasZones = FileManager.default.fileExists(atPath: zoneDirectory + "/Europe/Berlin")
private let hasPython = FileManager.default.fileExists(atPath: "/usr/bin/python3")

private func zone(_ name: String) throws -> CalendarZone { try .named(name, storage: PosixStorage()) }

@Suite struct CalendarZoneTests {
    /// Known by heart: Berlin's clocks go forward on 2026-03-29 and back on 2026-10-25.
    @Test(.enabled(if: hasZones, "no time zone files")) func daysHaveTheirLengths() throws {
        let berlin = try zone("Europe/Berlin")
        func hours(_ day: String, _ unit: CalendarWindow.Unit = .day) throws -> Int64 {
            let noon = try #require(time(day + "T11:00:00Z"))
            let bounds = CalendarWindow(unit, in: berlin).bounds(containing: noon.microseconds)
            #expect(bounds.start <= noon.microseconds && noon.microseconds < bounds.end)
            return (bounds.end - bounds.start) / 3_600_000_000
        }
        #expect(try hours("2026-03-28") == 24)
        #expect(try hours("2026-03-29") == 23)
        #expect(try hours("2026-10-25") == 25)
        #expect(try hours("2026-03-15", .month) == 31 * 24 - 1)
        #expect(try hours("2026-02-15", .month) == 28 * 24)
        #expect(try hours("2028-02-15", .month) == 29 * 24)
        #expect(try hours("2026-10-25", .week(startingOn: 1)) == 7 * 24 + 1)
        #expect(try hours("2026-10-26", .week(startingOn: 1)) == 7 * 24)
        #expect(berlin.offset(at: try #require(time("2026-07-01T00:00:00Z"))) == .hours(2))
    }

    @Test func fixedZonesNeedNoFile() throws {
        let nothing = SimulatedStorage(seed: 1)
        #expect(try CalendarZone.named("UTC", storage: nothing).offset(at: .seconds(0)) == .zero)
        let india = CalendarZone.fixed(.minutes(330))
        let bounds = CalendarWindow(.day, in: india).bounds(containing: 0)
        #expect(bounds.start == -19_800_000_000)
        #expect(bounds.end - bounds.start == 86_400_000_000)
    }

    @Test func faultsSayWhatToDo() throws {
        let storage = PosixStorage()
        for name in ["Europe/Atlantis", "Europe"] {
            do {
                _ = try CalendarZone.named(name, storage: storage)
                Issue.record("\(name) was found")
            } catch {
                #expect(error.code == .notFound)
                #expect(error.advice.contains("tzdata"))
            }
        }
        for name in ["../../etc/passwd", "/etc/passwd", "", "a b"] {
            do {
                _ = try CalendarZone.named(name, storage: storage)
                Issue.record("\(name) was taken")
            } catch { #expect(error.code == .invalidArgument) }
        }
    }

    /// Every prefix of a file and every changed byte is read as some zone or refused, and never traps.
    @Test(.enabled(if: hasZones, "no time zone files")) func damagedFilesAreRefusedOrRead() throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("zones-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let bytes = try Data(contentsOf: URL(fileURLWithPath: zoneDirectory + "/Asia/Kolkata"))
        func attempt(_ damaged: Data) throws -> Bool {
            try damaged.write(to: directory.appendingPathComponent("Test"))
            do {
                let zone = try CalendarZone.named("Test", storage: PosixStorage(), directory: directory.path)
                _ = zone.offset(at: .seconds(1_700_000_000))
                return true
            } catch {
                #expect(error.code == .corrupt)
                return false
            }
        }
        for count in 0..<bytes.count { #expect(try !attempt(bytes.prefix(count)), "\(count) bytes were enough") }
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x81
            _ = try attempt(damaged)
        }
    }

    /// Zones with odd days, and random ones; all of this machine with MILLRACE_ZONES=all.
    @Test(.enabled(if: hasZones && hasPython, "no time zone files or no Python"))
    func equalsPython() throws {
        let all = ProcessInfo.processInfo.environment["MILLRACE_ZONES"] == "all"
        let seed = ProcessInfo.processInfo.environment["MILLRACE_SEED"] ?? "1"
        let odd = [
            "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Pacific/Apia", "Asia/Tehran",
            "Africa/Casablanca",
            "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu", "Pacific/Kwajalein", "Asia/Gaza",
            "America/Havana", "Antarctica/Troll", "Europe/Dublin", "Asia/Manila", "America/Juneau", "Africa/Monrovia",
            "Pacific/Kiritimati", "Asia/Beirut", "America/Santiago", "America/Nuuk", "EST5EDT", "Asia/Amman",
            "Atlantic/Azores", "US/Eastern", "Asia/Calcutta", "Africa/Asmera",
        ]
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let process = Foundation.Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments =
            [root.appendingPathComponent("Oracles/zones.py").path, seed, all ? "60" : "30"] + (all ? [] : odd)
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)

        var zones: [String: CalendarZone] = [:]
        var checked = 0
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            let name = String(words[0])
            let numbers = words.dropFirst().map { Int64($0)! }
            let zone = try zones[name] ?? zone(name)
            zones[name] = zone
            let time = EventTime.seconds(numbers[0])
            #expect(zone.offset(at: time) == .seconds(numbers[1]), "seed \(seed): \(line)")
            for (unit, at) in [(CalendarWindow.Unit.day, 2), (.week(startingOn: 1), 4), (.month, 6)] {
                let bounds = CalendarWindow(unit, in: zone).bounds(containing: time.microseconds)
                #expect(bounds.start == numbers[at] * 1_000_000, "seed \(seed): start of \(unit): \(line)")
                #expect(bounds.end == numbers[at + 1] * 1_000_000, "seed \(seed): end of \(unit): \(line)")
            }
            checked += 1
        }
        #expect(checked >= odd.count * 30)
    }

    /// Windows follow one another without gap or overlap, at the ends of time too.
    @Test(.enabled(if: hasZones, "no time zone files")) func windowsTouch() throws {
        let apia = try zone("Pacific/Apia")
        for unit in [CalendarWindow.Unit.day, .week(startingOn: 7), .month] {
            let window = CalendarWindow(unit, in: apia)
            var at = try #require(time("2011-12-20T00:00:00Z")).microseconds
            for _ in 0..<40 {
                let bounds = window.bounds(containing: at)
                #expect(bounds.start <= at && at < bounds.end)
                #expect(window.bounds(containing: bounds.end - 1) == bounds)
                #expect(window.bounds(containing: bounds.end).start == bounds.end)
                at = bounds.end
            }
            for extreme in [Int64.min, Int64.min + 1, Int64.max, Int64.max - 1] {
                let bounds = window.bounds(containing: extreme)
                #expect(bounds.start < bounds.end)
            }
        }
    }
}

private func time(_ text: String) -> EventTime? {
    Array(text.utf8).withUnsafeBytes { EventTime(rfc3339: $0) }
}

private struct Daily: Pipeline {
    let zone: CalendarZone
    var body: some Flow<Row, Pane<Int, Int>> {
        Events<Row>().keyed(by: \.k).window(.day(in: zone), at: \.at).count()
    }
}

@Suite struct CalendarPipelineTests {
    @Test(.enabled(if: hasZones, "no time zone files")) func countsByLocalDay() throws {
        let driver = try PipelineDriver(Daily(zone: try zone("America/New_York")))
        // 2026-03-08 has 23 hours in New York: from 05:00 to 04:00 UTC.
        let start = try #require(time("2026-03-08T05:00:00Z")).microseconds / 1_000_000
        driver.feed(Row(k: 1, t: start - 1, n: 0))
        driver.feed(Row(k: 1, t: start, n: 0))
        try driver.restart()
        driver.feed(Row(k: 1, t: start + 23 * 3_600 - 1, n: 0))
        driver.feed(Row(k: 1, t: start + 23 * 3_600, n: 0))
        driver.advance(to: .distantFuture)
        #expect(driver.output.map(\.value) == [1, 2, 1])
        #expect(driver.output[1].start == .seconds(start))
        #expect(driver.output[1].end == .seconds(start + 23 * 3_600))
    }
}
