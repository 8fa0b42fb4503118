internal import CCodecs
internal import MillraceCore

/// Reads zstd frames, several behind each other included. A frame that wants a window above `Limits.zstdWindowLog` is
/// refused before it is allocated.
final class ZstdDecoder {
    private let context: OpaquePointer

    init() {
        guard let made = ZSTD_createDCtx() else { preconditionFailure("ZSTD_createDCtx failed") }
        context = made
        let code = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Limits.zstdWindowLog)
        precondition(ZSTD_isError(code) == 0, "the window limit is one zstd knows")
    }
    deinit { ZSTD_freeDCtx(context) }

    func decode(_ bytes: UnsafeRawBufferPointer, into output: inout OutputBuffer) throws(ByteFault) {
        // The usual case, one frame that tells its size: straight into the output, without a window.
        let size = ZSTD_getFrameContentSize(bytes.baseAddress, bytes.count)
        let isKnown = size < UInt64(Limits.decompressedBytes)
        if isKnown, ZSTD_findFrameCompressedSize(bytes.baseAddress, bytes.count) == bytes.count {
            let room = try output.room(for: Int(size))
            let written = ZSTD_decompressDCtx(context, room.baseAddress, room.count, bytes.baseAddress, bytes.count)
            guard ZSTD_isError(written) == 0 else { throw ByteFault(.malformedCompression, at: 0) }
            return output.wrote(written)
        }
        try stream(bytes, into: &output)
    }

    private func stream(_ bytes: UnsafeRawBufferPointer, into output: inout OutputBuffer) throws(ByteFault) {
        ZSTD_DCtx_reset(context, ZSTD_reset_session_only)
        var source = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        while true {
            let room = try output.room()
            var target = ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
            let before = source.pos
            let hint = ZSTD_decompressStream(context, &target, &source)
            guard ZSTD_isError(hint) == 0 else { throw ByteFault(.malformedCompression, at: source.pos) }
            output.wrote(target.pos)
            if hint == 0, source.pos == source.size { return }
            if source.pos == before, target.pos == 0 { throw ByteFault(.truncated, at: bytes.count) }
        }
    }
}

final class ZstdEncoder {
    private let context: OpaquePointer

    init() {
        guard let made = ZSTD_createCCtx() else { preconditionFailure("ZSTD_createCCtx failed") }
        context = made
    }
    deinit { ZSTD_freeCCtx(context) }

    func encode(_ bytes: UnsafeRawBufferPointer, into output: inout PackedBuffer) {
        let room = output.room(for: ZSTD_compressBound(bytes.count))
        // Level 3 is zstd's default, and Kafka's.
        let written = ZSTD_compressCCtx(context, room.baseAddress, room.count, bytes.baseAddress, bytes.count, 3)
        precondition(ZSTD_isError(written) == 0, "ZSTD_compress into its own bound failed")
        output.wrote(written)
    }
}
