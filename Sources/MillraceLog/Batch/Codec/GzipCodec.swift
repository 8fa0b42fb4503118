internal import CCodecs
internal import MillraceCore

/// Window bits for zlib's gzip wrapper: the largest window, plus 16.
private let gzipWindow: Int32 = 15 + 16

/// A zlib stream at a fixed address, as zlib keeps pointers into it.
private func makeStream() -> UnsafeMutablePointer<z_stream> {
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    return stream
}
private func input(_ bytes: UnsafeRawBufferPointer) -> UnsafeMutablePointer<Bytef>? {
    UnsafeMutablePointer(mutating: bytes.bindMemory(to: Bytef.self).baseAddress)
}

/// Reads gzip, several members behind each other included.
final class GzipDecoder {
    private let stream: UnsafeMutablePointer<z_stream>

    init() {
        stream = makeStream()
        let code = inflateInit2_(stream, gzipWindow, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(code == Z_OK, "inflateInit2 failed with \(code)")
    }
    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    func decode(_ bytes: UnsafeRawBufferPointer, into output: inout OutputBuffer) throws(ByteFault) {
        inflateReset(stream)
        stream.pointee.next_in = input(bytes)
        stream.pointee.avail_in = UInt32(bytes.count)
        while true {
            let room = try output.room()
            stream.pointee.next_out = room.bindMemory(to: Bytef.self).baseAddress
            stream.pointee.avail_out = UInt32(room.count)
            let code = inflate(stream, Z_NO_FLUSH)
            output.wrote(room.count - Int(stream.pointee.avail_out))
            let left = Int(stream.pointee.avail_in)
            switch code {
            case Z_OK: continue
            case Z_STREAM_END:
                if left == 0 { return }
                inflateReset(stream)
            case Z_BUF_ERROR where left == 0: throw ByteFault(.truncated, at: bytes.count)
            default: throw ByteFault(.malformedCompression, at: bytes.count - left)
            }
        }
    }
}

final class GzipEncoder {
    private let stream: UnsafeMutablePointer<z_stream>

    init() {
        stream = makeStream()
        let code = deflateInit2_(
            stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzipWindow, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        precondition(code == Z_OK, "deflateInit2 failed with \(code)")
    }
    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    func encode(_ bytes: UnsafeRawBufferPointer, into output: inout PackedBuffer) {
        deflateReset(stream)
        let room = output.room(for: Int(deflateBound(stream, UInt(bytes.count))))
        stream.pointee.next_in = input(bytes)
        stream.pointee.avail_in = UInt32(bytes.count)
        stream.pointee.next_out = room.bindMemory(to: Bytef.self).baseAddress
        stream.pointee.avail_out = UInt32(room.count)
        let code = deflate(stream, Z_FINISH)
        precondition(code == Z_STREAM_END, "deflate into its own bound returned \(code)")
        output.wrote(room.count - Int(stream.pointee.avail_out))
    }
}
