internal import CPlatform
internal import MillraceCore
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A file mapped by the guard and the guarded process: what the one was doing when it died, the other can read.
///
/// Head of 64 bytes: magic, version, number of slots, and at 16 the heart beats. Then a slot of 256 bytes a task:
///
/// | at | what |
/// |---|---|
/// | 0 | 0 free, else CRC-32C of the identity |
/// | 4 | 1 when the thread of this slot trapped (set by a signal handler) |
/// | 8 | 0 outside user code, else 1 in the high half and the CRC-32C of the next two words in the low one |
/// | 16 | first offset of the batch or record |
/// | 24 | last offset |
/// | 32 | identity: stage and partition (4 bytes each), length of the pipeline's name (2), its UTF-8 |
final class BlamePage: @unchecked Sendable {
    // Sendable because the mapping is set once and every word that changes is an atomic.
    private let base: UnsafeMutableRawPointer
    let slots: Int
    static let magic: UInt64 = 0x0045_4D41_4C42_524D  // "MRBLAME\0"
    static let version: UInt32 = 1
    static let head = 64, slot = 256, nameLimit = 200
    private var length: Int { Self.head + slots * Self.slot }

    /// Maps the file; the guard makes it new and zeroed.
    init(path: String, create: Bool, slots: Int = Limits.blameSlots) throws(Failure) {
        self.slots = slots
        let length = Self.head + slots * Self.slot
        let fd = mr_open(path, O_RDWR | (create ? O_CREAT | O_TRUNC : 0), 0o600)
        guard fd >= 0 else {
            throw Failure(IOFault(.open, path: path, errno: errno), "the blame page cannot be opened")
        }
        defer { close(fd) }
        if create, ftruncate(fd, off_t(length)) != 0 {
            throw Failure(IOFault(.truncate, path: path, errno: errno), "the blame page cannot be made")
        }
        if !create, lseek(fd, 0, SEEK_END) < off_t(length) {
            throw Failure(.corrupt, "the blame page is too short", place: path)
        }
        guard let base = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), Int(bitPattern: base) != -1
        else {
            throw Failure(IOFault(.map, path: path, errno: errno), "the blame page cannot be mapped")
        }
        self.base = base
        if create {
            base.storeBytes(of: Self.version, toByteOffset: 8, as: UInt32.self)
            base.storeBytes(of: UInt32(slots), toByteOffset: 12, as: UInt32.self)
            base.storeBytes(of: Self.magic, as: UInt64.self)
        } else if base.load(as: UInt64.self) != Self.magic
            || base.load(fromByteOffset: 8, as: UInt32.self) != Self.version
            || base.load(fromByteOffset: 12, as: UInt32.self) != UInt32(slots)
        {
            throw Failure(.incompatible, "this is no blame page of ours", place: path)
        }
    }

    deinit { munmap(base, length) }

    private func word(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        (base + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    // MARK: Heart beat

    var beats: UInt64 { word(16).pointee.load(ordering: .relaxed) }
    func beat() { word(16).pointee.wrappingAdd(1, ordering: .relaxed) }

    // MARK: The guarded process

    struct Identity: Sendable, Hashable {
        var pipeline: String
        var stage: Int
        var partition: Int
    }

    /// Claims slot `index` for a task, in the first life of this mapping only.
    func claim(_ index: Int, _ identity: Identity) {
        let slot = base + Self.head + index * Self.slot
        let name = Array(identity.pipeline.utf8.prefix(Self.nameLimit))
        slot.storeBytes(of: Int32(truncatingIfNeeded: identity.stage), toByteOffset: 32, as: Int32.self)
        slot.storeBytes(of: Int32(truncatingIfNeeded: identity.partition), toByteOffset: 36, as: Int32.self)
        slot.storeBytes(of: UInt16(name.count), toByteOffset: 40, as: UInt16.self)
        for (i, byte) in name.enumerated() { slot.storeBytes(of: byte, toByteOffset: 42 + i, as: UInt8.self) }
        slot.storeBytes(of: crc(slot, name.count), as: UInt32.self)
    }

    private func crc(_ slot: UnsafeMutableRawPointer, _ name: Int) -> UInt32 {
        max(1, CRC32C.of(UnsafeRawBufferPointer(start: slot + 32, count: 10 + name)))
    }

    func enter(_ index: Int, from: Int64, through: Int64) {
        let slot = Self.head + index * Self.slot
        word(slot + 8).pointee.store(0, ordering: .relaxed)
        word(slot + 16).pointee.store(UInt64(bitPattern: from), ordering: .releasing)
        word(slot + 24).pointee.store(UInt64(bitPattern: through), ordering: .releasing)
        let crc = CRC32C.of(UnsafeRawBufferPointer(start: base + slot + 16, count: 16))
        word(slot + 8).pointee.store(1 << 32 | UInt64(crc), ordering: .releasing)
    }

    func leave(_ index: Int) { word(Self.head + index * Self.slot + 8).pointee.store(0, ordering: .releasing) }

    func isInUserCode(_ index: Int) -> Bool {
        word(Self.head + index * Self.slot + 8).pointee.load(ordering: .acquiring) >> 32 == 1
    }

    /// What the signal handler sets when the thread of the slot traps.
    func trapWord(_ index: Int) -> UnsafeMutablePointer<UInt32> {
        (base + Self.head + index * Self.slot + 4).assumingMemoryBound(to: UInt32.self)
    }

    // MARK: The guard, after a death

    /// The slots that were in user code. Torn or foreign ones are left out.
    var inUserCode: [(range: BlamedRange, trapped: Bool)] {
        (0..<slots).compactMap { index in
            let offset = Self.head + index * Self.slot
            let slot = base + offset
            let state = word(offset + 8).pointee.load(ordering: .acquiring)
            let mark = slot.load(as: UInt32.self)
            guard mark != 0, state >> 32 == 1 else { return nil }
            let name = Int(slot.load(fromByteOffset: 40, as: UInt16.self))
            guard name <= Self.nameLimit, crc(slot, name) == mark,
                UInt32(truncatingIfNeeded: state) == CRC32C.of(UnsafeRawBufferPointer(start: slot + 16, count: 16))
            else { return nil }
            let bytes = UnsafeRawBufferPointer(start: slot + 42, count: name)
            let range = BlamedRange(
                pipeline: String(decoding: bytes, as: UTF8.self),
                stage: Int(slot.load(fromByteOffset: 32, as: Int32.self)),
                partition: Int(slot.load(fromByteOffset: 36, as: Int32.self)),
                from: slot.load(fromByteOffset: 16, as: Int64.self),
                through: slot.load(fromByteOffset: 24, as: Int64.self))
            return (range, slot.load(fromByteOffset: 4, as: UInt32.self) == 1)
        }
    }
}
