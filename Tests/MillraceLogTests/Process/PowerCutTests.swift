import Foundation
import MillraceCore
import Testing

@testable import LogProbe

/// A disk whose power can be cut: an ext4 image on a loop device, shut down by ext4's own ioctl, which drops everything
/// that was not synced.
private final class CuttableDisk {
    let mountPoint: String
    private let image: String

    /// Nil where the machine does not let us: not root, no loop devices, no ext4.
    static let isPossible: Bool = {
        guard getuid() == 0, let disk = try? CuttableDisk() else { return false }
        disk.remove()
        return true
    }()

    init() throws {
        let home = FileManager.default.temporaryDirectory.appendingPathComponent("millrace-power-\(UUID().uuidString)")
        mountPoint = home.appendingPathComponent("disk").path
        image = home.appendingPathComponent("image").path
        try FileManager.default.createDirectory(atPath: mountPoint, withIntermediateDirectories: true)
        do {
            try Self.shell("truncate -s 96M '\(image)' && mkfs.ext4 -q -F '\(image)'")
            try mount()
        } catch {
            try? FileManager.default.removeItem(at: home)
            throw error
        }
    }

    func mount() throws { try Self.shell("mount -o loop '\(image)' '\(mountPoint)'") }
    /// What was not synced is gone from now on; every further call on the disk fails.
    func cut() throws {
        // _IOR('X', 125, 32 bit) with EXT4_GOING_FLAGS_NOLOGFLUSH.
        let call = "fcntl.ioctl(os.open('\(mountPoint)', os.O_RDONLY), 0x8004587d, struct.pack('I', 2))"
        try Self.shell("python3 -c \"import fcntl, os, struct; \(call)\"")
    }
    func restore() throws {
        try Self.shell("umount '\(mountPoint)'")
        try mount()
    }
    func remove() {
        try? Self.shell("umount '\(mountPoint)'")
        try? FileManager.default.removeItem(atPath: String(image.dropLast("/image".count)))
    }

    struct ShellFailure: Error { var command: String }
    private static func shell(_ command: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", command]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw ShellFailure(command: command) }
    }
}

@Suite(.enabled(if: CuttableDisk.isPossible, "SKIPPED: power cuts need root, loop devices, ext4 and python3"))
struct PowerCutTests {
    /// `MILLRACE_POWER_CUTS` in all.
    static let cuts = ProcessInfo.processInfo.environment["MILLRACE_POWER_CUTS"].flatMap { Int($0) } ?? 10

    @Test func T05_T06_T08_nothingDurableIsLostToAPowerCut() throws {
        let seed = BatchRun.seed
        let comment: Comment = "MILLRACE_SEED=\(seed)"
        var random = SeededRandom(seed: seed)
        let disk = try CuttableDisk()
        defer { disk.remove() }
        let run = ProbeRun(
            directory: disk.mountPoint + "/log", producers: 6, partitions: 3, acknowledgement: "durable")
        for cycle in 1...max(1, Self.cuts) {
            // Every fifth life ends while it begins.
            if cycle % 5 == 0 {
                try run.live(for: Int.random(in: 1...30, using: &random), from: .start) { try disk.cut() }
            } else {
                try run.live(for: Int.random(in: 0...80, using: &random)) { try disk.cut() }
            }
            try disk.restore()
            // What the probe says once its disk is dead is expected; what it says about its log before is not.
            let refusals = run.takeRefusals().prefix { !$0.contains("errno") }
            #expect(refusals.isEmpty, "\(refusals.first ?? ""); \(comment)")
            if run.opened > 0 {
                run.forgetUnheard(stored: try FileOracle.counts(run))
                if cycle % 5 == 0 { #expect(try FileOracle.problems(run) == [], comment) }
            }
            if !refusals.isEmpty { return }
        }
        try run.live(for: 500, from: .acknowledged(100))
        #expect(try FileOracle.problems(run) == [], comment)
        #expect(run.takeRefusals().isEmpty, comment)
        #expect(run.opened > run.cycles / 2, "most lives must get as far as writing; \(run.opened) of \(run.cycles)")
        #expect(run.acknowledgedRecords > run.cycles, comment)
        let told = "\(run.cycles) lives, \(Self.cuts) cuts, \(run.acknowledgedRecords) acknowledged records"
        print("power cuts: \(told) held")
    }
}
