public import MillraceCore

extension LogStore {
    /// Opens a log for looking only, also while another process owns and writes it. Nothing on the disk is changed.
    ///
    /// What is shown is what a start would find now; `refresh` takes in what was written since. Records of a durable
    /// topic show when its owner has synced them. Appends and changes are refused. There are no threads: one owner.
    public static func look(
        at directory: String, storage: any Storage, clock: any RuntimeClock, options: LogOptions = LogOptions()
    ) throws(Failure) -> LogStore {
        var options = options
        options.execution = .manual
        // The owner may roll, compact or delete between two looks of ours; what is really wrong stays so.
        var tries = 3
        while true {
            tries -= 1
            let store = try lookOnce(directory, storage, clock, options)
            let isRefused = store.topics.contains { topic in topic.partitions.contains { $0.fault != nil } }
            if !isRefused || tries == 0 { return store }
        }
    }

    private static func lookOnce(
        _ directory: String, _ storage: any Storage, _ clock: any RuntimeClock, _ options: LogOptions
    ) throws(Failure) -> LogStore {
        let context = StoreContext(
            directory: directory, storage: LookingStorage(storage), clock: clock, options: options, isLooking: true)
        context.isClosing.withLock { $0 = true }
        // Nobody may have made it yet: then there are no topics.
        try attempting("The log could not be looked at", place: directory) { () throws(IOFault) in
            try context.storage.makeDirectory(directory + "/topics")
        }
        let store = try assembled(context, lock: nil)
        for topic in store.topics {
            let (partitions, points) = topic.known
            for (partition, point) in zip(partitions, points) { partition.showDurable(point) }
        }
        return store
    }

    /// Takes in what the owner has written to a topic since, on the calling thread, and wakes the readers that wait.
    public func refresh(_ topic: Topic) throws(Failure) {
        precondition(context.isLooking, "an owner knows what it wrote")
        let (partitions, points) = topic.known
        for (partition, point) in zip(partitions, points) { try partition.refresh(point) }
    }
}

extension Topic {
    fileprivate var known: ([Partition], [RecoveryPoint?]) {
        let all = partitions
        return (all, points.readAll(count: all.count))
    }
}

extension Partition {
    /// What the owner has acknowledged as durable, as far as its recovery point tells.
    fileprivate func showDurable(_ point: RecoveryPoint?) {
        guard settings.current.durability == .durable, let point else { return }
        state.withLock { state in state.durable = max(state.start, min(state.end, point.durableOffset)) }
    }

    /// Reads on from the last batch known: in its segment, then in those that begin where it ends.
    fileprivate func refresh(_ point: RecoveryPoint?) throws(Failure) {
        if fault != nil { return }
        try attempting("The partition could not be looked at", place: name) { () throws(IOFault) in
            let names = try context.storage.list(directory).compactMap { SegmentName($0) }.sorted()
            try takeStart()
            try takeCompacted(names)
            var due = state.withLock { $0.segments.last?.name }
            if due == nil, let first = names.first { due = add(first) }
            while let current = due {
                try readOn(current)
                let end = endOffset
                // The owner rolled: it does so only when the old segment is whole.
                let next = names.last { $0.base == end && $0 > current }
                due = next.map { add($0) }
            }
        }
        let durability = settings.current.durability
        let woken = state.withLock { state in
            let isKnown = durability == .durable && point != nil
            state.durable = max(state.durable, isKnown ? min(state.end, point?.durableOffset ?? 0) : state.end)
            return state.awakened(durability)
        }
        for wake in woken { wake() }
    }

    /// Retention may have moved the start, and taken files away.
    private func takeStart() throws(IOFault) {
        guard let bytes = try context.storage.contents(of: path(StartFile.name), limit: 4_096) else { return }
        let start: Int64
        do throws(ByteFault) { start = try StartFile.decode(bytes) } catch { return }
        state.withLock { state in
            state.start = max(state.start, min(start, state.end))
            while state.segments.count > 1, state.segments[1].base <= state.start { state.segments.removeFirst() }
        }
    }

    /// Compaction may have put newer generations in the place of closed segments.
    private func takeCompacted(_ names: [SegmentName]) throws(IOFault) {
        for known in state.withLock({ state in state.segments.map(\.name) }) where !names.contains(known) {
            let newer = names.last { $0.base == known.base && $0.epoch == known.epoch }
            guard let newer, let size = try context.storage.status(of: path(newer.log))?.size else { continue }
            state.withLock { state in
                guard let at = state.segments.firstIndex(where: { $0.name == known }) else { return }
                let old = state.segments[at]
                state.segments[at] = Segment(name: newer, bytes: size, end: old.end, since: old.since)
            }
        }
    }

    private func add(_ name: SegmentName) -> SegmentName {
        state.withLock { state in
            if state.segments.isEmpty { state.start = max(state.start, name.base) }
            var segment = Segment(name: name, bytes: 0, end: name.base, since: context.clock.wall)
            segment.index = SegmentIndex()
            if let last = state.segments.last, last.base == name.base { state.segments.removeLast() }
            state.segments.append(segment)
            state.end = max(state.end, name.base)
        }
        return name
    }

    private func readOn(_ name: SegmentName) throws(IOFault) {
        guard let known = state.withLock({ state in state.segments.first { $0.name == name } }),
            let size = try context.storage.status(of: path(name.log))?.size, size > known.bytes
        else { return }
        let file = try context.files.file(path(name.log))
        var reader = FrameReader(file, name, from: known.bytes, offset: known.end, limit: size)
        let (now, interval) = (context.clock.wall, context.options.indexIntervalBytes)
        while true {
            let position = reader.position
            do throws(FrameReader.Failing) {
                let isMore = try reader.next { view in
                    let marker = markerOf(view)
                    state.withLock { state in
                        guard let at = state.segments.indices.last, state.segments[at].name == name else { return }
                        state.segments[at].index?.note(
                            offset: view.header.baseOffset, base: name.base, position: position,
                            bytes: view.header.totalBytes, milliseconds: view.header.maxMilliseconds,
                            interval: interval)
                        state.segments[at].bytes = position + Int64(view.header.totalBytes)
                        state.segments[at].end = view.header.nextOffset
                        state.end = view.header.nextOffset
                        _ = state.producers.apply(view.header, marker: marker, now: now)
                    }
                }
                if !isMore { return }
            } catch {
                switch error {
                case .io(let fault): throw fault
                // Not all of it is there yet.
                case .frame: return
                }
            }
        }
    }

    private func markerOf(_ view: RecordBatchView) -> ControlRecord? {
        guard view.header.attributes.isControl, view.header.attributes.isTransactional else { return nil }
        do throws(ByteFault) { return try view.controlRecord() } catch { return nil }
    }
}
