#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif
internal import Synchronization

/// Named places where a test kills the real process. Reach them through `Storage.crashPoint`, so that simulated disks
/// see them too.
public enum CrashPoint {
    /// From `MILLRACE_CRASH=name` or `name:n`, read once. Without it a crash point is one load and a branch.
    private static let isArmed = target != nil
    private static let target: (name: String, hits: Int)? = parse(HostProcess.system.variable("MILLRACE_CRASH"))
    private static let hits = Atomic<Int>(0)

    static func parse(_ setting: String?) -> (name: String, hits: Int)? {
        guard let setting, !setting.isEmpty else { return nil }
        let parts = setting.split(separator: ":", maxSplits: 1)
        guard let name = parts.first else { return nil }
        return (String(name), parts.count == 2 ? Int(parts[1]) ?? 1 : 1)
    }

    public static func reached(_ name: StaticString) {
        guard isArmed, let target, target.name == "\(name)" else { return }
        if hits.add(1, ordering: .relaxed).newValue == target.hits {
            // As a power cut would: no handler, no flush, no exit code of our choosing.
            kill(getpid(), SIGKILL)
            while true { pause() }
        }
    }
}
