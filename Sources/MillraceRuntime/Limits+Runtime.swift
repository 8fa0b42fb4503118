public import MillraceCore

extension Limits {
    /// Restarts of one child within `restartPeriod` before its supervisor gives up and escalates.
    public static let restartIntensity = 5
    public static let restartPeriod = TimeSpan.seconds(60)
}
