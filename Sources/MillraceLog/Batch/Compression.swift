/// How a batch's records are compressed: Kafka's four codecs and none. The raw value is Kafka's code.
public enum Compression: UInt8, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    case none = 0
    case gzip = 1
    /// With xerial's framing, as Kafka's Java clients write it; raw snappy is read too.
    case snappy = 2
    /// The LZ4 frame format with independent blocks.
    case lz4 = 3
    case zstd = 4

    /// The name Kafka's `compression.type` uses.
    public var name: String {
        switch self {
        case .none: "none"
        case .gzip: "gzip"
        case .snappy: "snappy"
        case .lz4: "lz4"
        case .zstd: "zstd"
        }
    }
    public init?(name: String) {
        guard let match = Compression.allCases.first(where: { $0.name == name }) else { return nil }
        self = match
    }
    public var description: String { name }
}
