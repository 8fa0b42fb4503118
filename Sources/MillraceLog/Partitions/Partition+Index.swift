internal import MillraceCore

extension Partition {
    /// Makes a segment's index available: from its file, or by reading the segment. Damage stops the reading; what lies
    /// behind it is then found by reading on from the last entry before it.
    func loadIndex(of segmentName: SegmentName) throws(Failure) {
        let known: Segment? = state.withLock { state in state.segments.first { $0.name == segmentName } }
        guard let segment = known, segment.index == nil else { return }
        var found = storedIndex(of: segment)
        let isRebuilt = found == nil
        if isRebuilt { found = try rebuiltIndex(of: segment) }
        let index = found
        if isRebuilt, var index, index.notedBytes == segment.bytes, isClosed(segment) {
            // The next one who needs it shall not read the segment again.
            index.closedAt = segment.since
            index.store(for: segment.name, endOffset: segment.end, in: directory, context.storage)
        }
        state.withLock { state in
            guard let at = state.segments.firstIndex(where: { $0.name == segmentName }),
                state.segments[at].index == nil, state.segments[at].bytes == segment.bytes
            else { return }
            state.segments[at].index = index
        }
    }

    private func isClosed(_ segment: Segment) -> Bool {
        state.withLock { state in
            state.segments.dropLast().contains {
                $0.name == segment.name && $0.bytes == segment.bytes && $0.end == segment.end
            }
        }
    }

    private func storedIndex(of segment: Segment) -> SegmentIndex? {
        let bytes: [UInt8]?
        do throws(IOFault) {
            bytes = try context.storage.contents(of: path(segment.name.index), limit: Limits.checkedFileBytes)
        } catch { return nil }
        guard let bytes else { return nil }
        do throws(ByteFault) {
            let (index, end) = try SegmentIndex.decode(bytes, for: segment.name)
            return index.notedBytes == segment.bytes && end == segment.end ? index : nil
        } catch { return nil }
    }

    private func rebuiltIndex(of segment: Segment) throws(Failure) -> SegmentIndex {
        var index = SegmentIndex()
        guard segment.bytes > 0 else { return index }
        let file = try attempting("The segment could not be read", place: name) { () throws(IOFault) in
            try context.files.file(path(segment.name.log))
        }
        var reader = FrameReader(file, segment.name, from: 0, offset: segment.base, limit: segment.bytes)
        let interval = context.options.indexIntervalBytes
        while true {
            let position = reader.position
            do throws(FrameReader.Failing) {
                let isMore = try reader.next { view in
                    index.note(
                        offset: view.header.baseOffset, base: segment.base, position: position,
                        bytes: view.header.totalBytes, milliseconds: view.header.maxMilliseconds, interval: interval)
                }
                if !isMore { return index }
            } catch {
                switch error {
                case .io(let fault): throw Failure(fault, "The segment could not be read", place: name)
                case .frame: return index
                }
            }
        }
    }

    /// Writes a closed segment's index. It is a cache: when that fails it is built anew when needed.
    func storeIndex(of segment: Segment) {
        guard let index = segment.index, index.notedBytes == segment.bytes else { return }
        index.store(for: segment.name, endOffset: segment.end, in: directory, context.storage)
    }

    /// Writes what recovery would otherwise have to read the whole log for. Old state stays valid when that fails.
    func storeSnapshot() {
        let snapshot: PartitionSnapshot? = state.withLock { state in
            guard state.hasState, state.durable == state.end, state.snapshotOffset != state.end else { return nil }
            return PartitionSnapshot(offset: state.end, producers: state.producers)
        }
        guard let snapshot else { return }
        do throws(IOFault) {
            try context.storage.replace(path(PartitionSnapshot.fileName), with: snapshot.encode())
            state.withLock { $0.snapshotOffset = snapshot.offset }
        } catch { return }
    }
}
