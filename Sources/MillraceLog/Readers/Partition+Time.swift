public import MillraceCore

extension Partition {
    /// The first offset whose record's time is `time` or later; nil when there is none among what can be read.
    public func offset(atOrAfter time: EventTime) throws(Failure) -> Int64? {
        let milliseconds = time.ceiledMilliseconds
        let names = state.withLock { state in state.segments.filter { $0.bytes > 0 }.map(\.name) }
        for segmentName in names {
            try loadIndex(of: segmentName)
            let found: (Segment, Int64, Int64)? = state.withLock { state in
                guard let segment = state.segments.first(where: { $0.name == segmentName }), let index = segment.index,
                    index.maxMilliseconds >= milliseconds
                else { return nil }
                let position = index.position(ofTime: milliseconds)
                return (segment, position, index.offset(at: position, base: segment.base))
            }
            guard let (segment, position, offset) = found else { continue }
            let hit = try firstOffset(in: segment, from: position, offset: offset, atOrAfter: milliseconds)
            guard let hit else { continue }
            return hit < readableEnd(.readUncommitted) ? hit : nil
        }
        return nil
    }

    private func firstOffset(
        in segment: Segment, from position: Int64, offset: Int64, atOrAfter milliseconds: Int64
    ) throws(Failure) -> Int64? {
        let file = try attempting("The segment could not be read", place: name) { () throws(IOFault) in
            try context.files.file(path(segment.name.log))
        }
        let start = startOffset
        let decompressor = Decompressor()
        var reader = FrameReader(
            file, segment.name, from: position, offset: offset, limit: segment.bytes, window: Limits.lookUpBytes)
        var hit: Int64?
        while hit == nil {
            do throws(FrameReader.Failing) {
                let isMore = try reader.next { view in
                    guard view.header.maxMilliseconds >= milliseconds, !view.header.attributes.isControl else { return }
                    // A batch that cannot be decompressed is found by its first offset.
                    do throws(ByteFault) {
                        var cursor = try view.records(using: decompressor)
                        while hit == nil, let record = try cursor.next() {
                            if record.milliseconds >= milliseconds, record.offset >= start { hit = record.offset }
                        }
                    } catch { hit = view.header.baseOffset }
                }
                if !isMore { return hit }
            } catch {
                switch error {
                case .io(let fault): throw Failure(fault, "The segment could not be read", place: name)
                case .frame(let fault):
                    throw Failure(
                        .corrupt, "The batch at offset \(fault.offset) is damaged: \(fault.reason)",
                        advice: Self.damageAdvice, place: segment.place(name, fault.position, offset: fault.offset))
                }
            }
        }
        return hit
    }
}

extension EventTime {
    /// The first whole millisecond at or after the time.
    var ceiledMilliseconds: Int64 {
        let (quotient, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000)
        return rest > 0 ? quotient + 1 : quotient
    }
}
