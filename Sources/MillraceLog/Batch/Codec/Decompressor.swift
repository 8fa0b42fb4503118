public import MillraceCore

/// Decodes the bodies of compressed batches into memory it reuses. One owner, not Sendable.
///
/// Output is produced step by step and checked against the caps as it grows, so a bomb is refused after at most
/// `Limits.decompressedBytes`, whatever its header claims. Contexts are made at a codec's first use and kept.
public final class Decompressor {
    private var output = OutputBuffer()
    private lazy var gzip = GzipDecoder()
    private lazy var lz4 = LZ4Decoder()
    private lazy var zstd = ZstdDecoder()

    public init() {}

    /// What `input` compressed bytes may become.
    public static func outputLimit(forInput input: Int) -> Int {
        let byRatio = input.multipliedReportingOverflow(by: Limits.decompressionRatio)
        let ratio = byRatio.overflow ? Int.max : byRatio.partialValue
        return min(Limits.decompressedBytes, max(Limits.decompressionFloorBytes, ratio))
    }

    /// The decoded bytes, lent until the next call.
    public func decompress(
        _ input: UnsafeRawBufferPointer, _ compression: Compression
    ) throws(ByteFault) -> UnsafeRawBufferPointer {
        guard compression != .none else { return input }
        guard input.count > 0, input.count <= Limits.batchBytes else { throw ByteFault(.truncated, at: 0) }
        output.start(cap: Self.outputLimit(forInput: input.count))
        switch compression {
        case .none: break
        case .gzip: try gzip.decode(input, into: &output)
        case .snappy: try SnappyCodec.decode(input, into: &output)
        case .lz4: try lz4.decode(input, into: &output)
        case .zstd: try zstd.decode(input, into: &output)
        }
        try output.checkCap()
        return output.filled
    }
}
