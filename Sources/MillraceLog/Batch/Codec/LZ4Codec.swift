internal import CCodecs
internal import MillraceCore

/// Reads LZ4 frames, several behind each other included. The library keeps at most a block (4 MiB) and its dictionary.
final class LZ4Decoder {
    private let context: OpaquePointer

    init() {
        var made: OpaquePointer?
        let code = LZ4F_createDecompressionContext(&made, UInt32(LZ4F_VERSION))
        guard LZ4F_isError(code) == 0, let made else { preconditionFailure("LZ4F_createDecompressionContext failed") }
        context = made
    }
    deinit { LZ4F_freeDecompressionContext(context) }

    func decode(_ bytes: UnsafeRawBufferPointer, into output: inout OutputBuffer) throws(ByteFault) {
        LZ4F_resetDecompressionContext(context)
        var position = 0
        while true {
            let room = try output.room()
            var (read, written) = (bytes.count - position, room.count)
            let hint = LZ4F_decompress(
                context, room.baseAddress, &written, bytes.baseAddress.map { $0 + position }, &read, nil)
            guard LZ4F_isError(hint) == 0 else { throw ByteFault(.malformedCompression, at: position) }
            position += read
            output.wrote(written)
            if hint == 0, position == bytes.count { return }
            if read == 0, written == 0 { throw ByteFault(.truncated, at: bytes.count) }
        }
    }
}

enum LZ4Encoder {
    /// Independent blocks of 64 KiB without checksums: all that Kafka's Java reader takes.
    static func encode(_ bytes: UnsafeRawBufferPointer, into output: inout PackedBuffer) {
        var preferences = LZ4F_preferences_t()
        preferences.frameInfo.blockSizeID = LZ4F_max64KB
        preferences.frameInfo.blockMode = LZ4F_blockIndependent
        let room = output.room(for: LZ4F_compressFrameBound(bytes.count, &preferences))
        let written = LZ4F_compressFrame(room.baseAddress, room.count, bytes.baseAddress, bytes.count, &preferences)
        precondition(LZ4F_isError(written) == 0, "LZ4F_compressFrame into its own bound failed")
        output.wrote(written)
    }
}
