public import MillraceCore

extension Limits {
    /// Bytes of one stored batch with its header. Kafka's default is 1 MiB; 16 MiB still fits many in flight, and a
    /// length field above it is damage or an attack, never a batch.
    public static let batchBytes = 16 << 20
    /// Bytes of a batch's records once decompressed, for the same reasons.
    public static let decompressedBytes = 16 << 20
    /// Decompressed bytes per compressed byte. Real records stay below 20; beyond 100 it is a bomb.
    public static let decompressionRatio = 100
    /// Decompressed bytes that are allowed whatever the ratio: a batch of equal records shrinks by far more than 100,
    /// and one Kafka-sized batch of memory cannot hurt anyone.
    public static let decompressionFloorBytes = 1 << 20
    /// Window a zstd frame may ask the decoder to keep, as a power of two: 16 MiB, what a whole batch may have.
    public static let zstdWindowLog: Int32 = 24
    /// Headers of one record that a builder takes. Tracing needs a handful; each costs a walk at every look-up.
    public static let headersPerRecord = 1_024
}
