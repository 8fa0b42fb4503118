public import MillraceCore

extension Limits {
    /// Records a kernel is handed at once: large enough to hide the call, small enough to stay in the cache.
    public static let recordsPerBatch = 1_024
}
