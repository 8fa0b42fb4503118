/// Every bound of the core with its reason. Each module extends this with its own (`Limits+Log.swift`, …).
///
/// Nothing that grows with input or load exists without an entry here.
public enum Limits {
    /// Timers that wait in one clock at once. A node has a few per task; a million would be a leak.
    public static let clockTimers = 1_000_000
    /// Length of one log line in bytes: what a terminal and a log collector still take whole.
    public static let logLineBytes = 4_096
}
