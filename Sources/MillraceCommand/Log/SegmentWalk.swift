import MillraceCore
import MillraceLog

/// Walks one segment file and checks every bit of it, without the store: it shares no code with recovery but the format
/// of a batch, and it writes nothing.
struct SegmentWalk {
    struct Damage: Error {
        var position: Int64
        /// The offset that was due there.
        var offset: Int64
        var reason: String
        /// Nothing whole follows: a write that was cut short, if this is the partition's last file.
        var isTail: Bool
        /// Bytes up to the next whole batch, or to the end.
        var bytes: Int64
    }
    enum Step {
        case batch(RecordBatchView, position: Int64, recordFault: ByteFault?)
        case damage(Damage)
    }

    let file: any StorageFile
    let size: Int64
    /// What the file's name says; nil when it says nothing.
    let expectedEpoch: Int32?
    private(set) var nextOffset: Int64?
    private let decompressor = Decompressor()

    init(path: String, storage: any Storage) throws(Failure) {
        do throws(IOFault) {
            file = try storage.open(path, .read)
            size = try file.size()
        } catch {
            if error.errno == IOFault.noSuchFile {
                throw Failure(.notFound, "there is no file '\(path)'", advice: "Check the path")
            }
            throw Failure(error, "the segment cannot be read")
        }
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let parts = name.split(separator: ".")
        nextOffset = parts.first.flatMap { $0.utf8.count == 20 ? Int64($0) : nil }
        expectedEpoch = parts.first { $0.hasPrefix("e") && $0.utf8.count > 1 }.flatMap { Int32($0.dropFirst()) }
    }

    /// Hands every batch and every damaged stretch to `visit` in order, until it returns false.
    mutating func run(_ visit: (Step) throws -> Bool) throws {
        defer { file.close() }
        guard size > 0 else { return }
        let mapped: MappedBytes
        do throws(IOFault) { mapped = try file.map(offset: 0, length: Int(size)) } catch {
            throw Failure(error, "the segment cannot be read")
        }
        defer { withExtendedLifetime(mapped) {} }
        let bytes = mapped.bytes
        var position = 0
        while position < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[position...])
            switch whole(rest) {
            case .success(let view):
                nextOffset = view.header.nextOffset
                var fault: ByteFault?
                do throws(ByteFault) { try view.validateRecords(using: decompressor, dense: false) } catch {
                    fault = error
                }
                guard try visit(.batch(view, position: Int64(position), recordFault: fault)) else { return }
                position += view.bytes.count
            case .failure(let fault):
                let next = resume(in: bytes, after: position)
                let damage = Damage(
                    position: Int64(position), offset: nextOffset ?? -1, reason: explain(fault, rest),
                    isTail: next == nil, bytes: Int64((next ?? bytes.count) - position))
                if let next { nextOffset = offset(at: next, bytes) }
                guard try visit(.damage(damage)) else { return }
                position = next ?? bytes.count
            }
        }
    }

    /// The batch at the start of `bytes`, when every bit of it is as it must be.
    private func whole(_ bytes: UnsafeRawBufferPointer) -> Result<RecordBatchView, ByteFault> {
        do throws(ByteFault) {
            let view = try RecordBatchView(bytes)
            try view.verifyChecksum()
            if let nextOffset, view.header.baseOffset != nextOffset { throw ByteFault(.impossibleCount, at: 0) }
            if let expectedEpoch, view.header.leaderEpoch != expectedEpoch { throw ByteFault(.unknownValue, at: 12) }
            return .success(view)
        } catch { return .failure(error) }
    }

    private func explain(_ fault: ByteFault, _ bytes: UnsafeRawBufferPointer) -> String {
        switch (fault.reason, fault.position) {
        case (.checksum, _): "the checksum does not match"
        case (.truncated, _): "the file ends inside a batch"
        case (.impossibleCount, 0):
            "the base offset is \(offset(at: 0, bytes)), \(nextOffset.map(String.init) ?? "another") was due"
        case (.impossibleCount, 8): "the length is impossible"
        case (.unknownValue, 12): "the leader epoch is not the file's"
        case (.unknownValue, 16): "the magic byte is not 2"
        default: "the header is impossible: \(fault)"
        }
    }
    private func offset(at position: Int, _ bytes: UnsafeRawBufferPointer) -> Int64 {
        Int64(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: Int64.self))
    }

    /// Where the next batch begins that is whole and comes later; every byte is tried.
    private func resume(in bytes: UnsafeRawBufferPointer, after position: Int) -> Int? {
        var candidate = position + 1
        while candidate + BatchHeader.byteCount <= bytes.count {
            // The magic first: it rules out nearly every place with one load.
            if bytes[candidate + 16] == 2,
                let view = try? RecordBatchView(UnsafeRawBufferPointer(rebasing: bytes[candidate...])),
                view.header.baseOffset >= nextOffset ?? 0, expectedEpoch.map({ view.header.leaderEpoch == $0 }) ?? true,
                view.isIntact
            {
                return candidate
            }
            candidate += 1
        }
        return nil
    }
}
