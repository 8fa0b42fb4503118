/// Every bound of the core with its reason. Each module extends this with its own (`Limits+Log.swift`, …).
///
/// Nothing that grows with input or load exists without an entry here.
public enum Limits {
    /// Timers that wait in one clock at once. A node has a few per task; a million would be a leak.
    public static let clockTimers = 1_000_000
    /// Length of one log line in bytes: what a terminal and a log collector still take whole.
    public static let logLineBytes = 4_096
    /// Lines of one event that pass in one `logPeriod`: enough to see a pattern, too few to fill a disk.
    public static let logBurst = 10
    public static let logPeriod = TimeSpan.seconds(10)
    /// Metrics with different names in one registry. They come from source code; more is a name built from data.
    public static let metricNames = 2_000
    /// Label sets of one metric: a partition or table each of a large node. More would make a scrape take seconds.
    public static let metricSeries = 2_000
}
