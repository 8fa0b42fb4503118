public import MillraceCore

/// Records of one partition that were being processed when the process died; one record when `from == through`.
public struct BlamedRange: Sendable, Hashable {
    public var pipeline: String
    public var stage: Int
    public var partition: Int
    public var from: Int64
    public var through: Int64
    /// How often the process died in it.
    public var deaths: Int

    public init(pipeline: String, stage: Int, partition: Int, from: Int64, through: Int64, deaths: Int = 1) {
        (self.pipeline, self.stage, self.partition) = (pipeline, stage, partition)
        (self.from, self.through, self.deaths) = (from, through, deaths)
    }

    public func contains(_ offset: Int64) -> Bool { from <= offset && offset <= through }
    func isSameTask(as other: BlamedRange) -> Bool {
        pipeline == other.pipeline && stage == other.stage && partition == other.partition
    }
    func isSameRange(as other: BlamedRange) -> Bool {
        isSameTask(as: other) && from == other.from && through == other.through
    }
    /// Counts for the death of `other`.
    func contains(_ other: BlamedRange) -> Bool {
        isSameTask(as: other) && from <= other.from && other.through <= through
    }
}

/// What a guard knows about deaths, from process to process. Pure; written to a file between deaths.
///
/// A batch is blamed first. The next process handles a blamed range record by record, so that its next death names one
/// record; that is the record's second, and it is condemned: it goes to the dead letters.
public struct BlameLedger: Sendable, Hashable {
    /// Ranges to be handled record by record.
    public private(set) var suspects: [BlamedRange] = []
    /// Records to be dead-lettered without being tried again.
    public private(set) var condemned: [BlamedRange] = []

    public init() {}

    /// Notes a death. Who trapped is known when a signal handler could say so; killed from outside, everyone who was in
    /// user code is suspect, and a record is condemned only after twice as many deaths unless it was the only one.
    ///
    /// Returns whether somebody could be blamed for certain: then the same death will not go on for ever.
    public mutating func died(in places: [(range: BlamedRange, trapped: Bool)]) -> Bool {
        let trapped = places.filter(\.trapped)
        let blamed = (trapped.isEmpty ? places : trapped).map(\.range)
        let isCertain = !trapped.isEmpty || places.count == 1
        let needed = isCertain ? Limits.blameDeaths : Limits.blameDeaths * 2
        for range in blamed { blame(range, needed: needed) }
        return isCertain
    }

    private mutating func blame(_ range: BlamedRange, needed: Int) {
        let earlier = suspects.filter { $0.contains(range) }.reduce(0) { $0 + $1.deaths }
        if range.from == range.through, earlier + 1 >= needed {
            suspects.removeAll { $0.isSameRange(as: range) }
            guard !condemned.contains(where: { $0.isSameRange(as: range) }) else { return }
            condemned.append(range)
            condemned[condemned.count - 1].deaths = earlier + 1
            if condemned.count > Limits.blamedRecords { condemned.removeFirst() }
        } else if let index = suspects.firstIndex(where: { $0.isSameRange(as: range) }) {
            suspects[index].deaths += 1
        } else {
            suspects.append(range)
            suspects[suspects.count - 1].deaths = 1
            if suspects.count > Limits.blamedRecords { suspects.removeFirst() }
        }
    }

    public func isCondemned(pipeline: String, stage: Int, partition: Int, offset: Int64) -> Bool {
        condemned.contains {
            $0.pipeline == pipeline && $0.stage == stage && $0.partition == partition && $0.from == offset
        }
    }

    // MARK: As bytes

    /// `MRLEDGER`, version, both lists, CRC-32C of all before it.
    public var encoded: [UInt8] {
        var bytes = Array("MRLEDGER".utf8)
        func put<I: FixedWidthInteger>(_ value: I) { withUnsafeBytes(of: value.littleEndian) { bytes += $0 } }
        put(UInt32(1))
        for list in [suspects, condemned] {
            put(UInt32(list.count))
            for range in list {
                let name = Array(range.pipeline.utf8)
                put(UInt16(name.count))
                bytes += name
                put(Int32(truncatingIfNeeded: range.stage))
                put(Int32(truncatingIfNeeded: range.partition))
                put(range.from)
                put(range.through)
                put(UInt32(truncatingIfNeeded: range.deaths))
            }
        }
        put(bytes.lending { CRC32C.of($0) })
        return bytes
    }

    public init(decoding bytes: [UInt8]) throws(Failure) {
        let damaged = Failure(
            .corrupt, "the guard's ledger is damaged", advice: "Delete it: blame is then counted anew")
        guard bytes.count >= 24, bytes.starts(with: Array("MRLEDGER".utf8)) else { throw damaged }
        let body = Array(bytes.dropLast(4))
        var position = 8
        func take<I: FixedWidthInteger>(_ type: I.Type) -> I? {
            let size = MemoryLayout<I>.size
            guard body.count - position >= size else { return nil }
            defer { position += size }
            return body[position..<position + size].reversed().reduce(I(0)) { ($0 << 8) | I(truncatingIfNeeded: $1) }
        }
        let sum = bytes.suffix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard body.lending({ CRC32C.of($0) }) == sum else { throw damaged }
        guard take(UInt32.self) == 1 else {
            throw Failure(.incompatible, "the guard's ledger was written by another version")
        }
        for list in 0..<2 {
            guard let count = take(UInt32.self), count <= Limits.blamedRecords else { throw damaged }
            for _ in 0..<count {
                guard let length = take(UInt16.self).map(Int.init), body.count - position >= length else {
                    throw damaged
                }
                let name = String(decoding: body[position..<position + length], as: UTF8.self)
                position += length
                guard let stage = take(Int32.self), let partition = take(Int32.self), let from = take(Int64.self),
                    let through = take(Int64.self), let deaths = take(UInt32.self)
                else { throw damaged }
                let range = BlamedRange(
                    pipeline: name, stage: Int(stage), partition: Int(partition), from: from, through: through,
                    deaths: Int(deaths))
                if list == 0 { suspects.append(range) } else { condemned.append(range) }
            }
        }
    }
}
