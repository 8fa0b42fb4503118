internal import MillraceCore

extension Partition {
    /// The open file of the active segment, ready to be written at its end. Only for the writer.
    func activeFile() throws(Failure) -> any StorageFile {
        let (segment, dirty, hasStray): (Segment?, (any StorageFile)?, Bool) = state.withLock {
            ($0.segments.last, $0.dirtyFile, $0.hasStrayBytes)
        }
        guard let segment else { preconditionFailure("rolled before the first write") }
        if segment.index == nil {
            try loadIndex(of: segment.name)
            try refuseUnlessWhole(segment)
        }
        return try attempting("The active segment could not be opened", place: name) { () throws(IOFault) in
            var file = dirty
            if file == nil { file = try context.files.file(path(segment.name.log)) }
            guard let file else { preconditionFailure("opened above") }
            if hasStray {
                try file.truncate(to: segment.bytes)
                state.withLock { $0.hasStrayBytes = false }
            }
            return file
        }
    }

    /// Building the index read the whole segment: where it stopped there is damage, and nothing is appended behind it.
    private func refuseUnlessWhole(_ segment: Segment) throws(Failure) {
        let noted = state.withLock { $0.segments.last?.index?.notedBytes ?? 0 }
        guard noted != segment.bytes else { return }
        let failure = Failure(
            .corrupt, "The active segment is damaged", advice: Self.damageAdvice,
            place: "\(name), \(segment.name.log) byte \(noted)")
        refuse(failure)
        throw failure
    }
    static let damageAdvice =
        "Nothing was deleted: read around the damage with skipDamage, restore the file from a backup, or drop the topic"

    /// Starts a new segment because someone asked for it; a failure shows at the next append.
    func rollIfNotEmpty() -> Bool {
        guard state.withLock({ $0.fault == nil && ($0.segments.last?.bytes ?? 0) > 0 }) else { return true }
        do throws(Failure) {
            try roll()
            return true
        } catch {
            state.withLock { $0.mustRoll = true }
            return false
        }
    }

    /// Closes the active segment, synced, and starts the next. Only for the writer, with nothing half written.
    ///
    /// The old file is durable before the new one exists: so only the last segment can ever have a torn tail.
    func roll() throws(Failure) {
        if let fault = state.withLock({ $0.fault }) { throw fault }
        if state.withLock({ $0.hasStrayBytes }) { _ = try activeFile() }
        try syncNow()
        let now = context.clock.wall
        let old: Segment? = state.withLock { state in
            guard var old = state.segments.last else { return nil }
            old.index?.closedAt = now
            return old
        }
        if let old, old.bytes > 0 {
            storeIndex(of: old)
            storeSnapshot()
        }
        let (end, epoch) = state.withLock { ($0.end, $0.epoch) }
        let segmentName = SegmentName(base: end, epoch: epoch)
        let file = try attempting("The next segment could not be created", place: name) { () throws(IOFault) in
            // One that an earlier failed attempt left is empty.
            let file = try context.files.file(path(segmentName.log), .create)
            if try file.size() > 0 { throw IOFault(.open, path: path(segmentName.log), errno: IOFault.exists) }
            return file
        }
        let emptied: Segment? = state.withLock { state in
            var segment = Segment(name: segmentName, bytes: 0, end: end, since: context.clock.wall)
            segment.index = SegmentIndex()
            if !state.segments.isEmpty {
                state.segments[state.segments.count - 1].since = now
                state.segments[state.segments.count - 1].index?.closedAt = now
            }
            let last = state.segments.last
            let isEmpty = last.map { $0.bytes == 0 } ?? false
            if isEmpty { state.segments.removeLast() }
            state.segments.append(segment)
            state.needsDirectorySync = true
            state.dirtyFile = file
            return isEmpty ? last : nil
        }
        if let emptied, emptied.name != segmentName { remove(emptied.name) }
    }

    /// Deletes a segment's files that nobody refers to any more. What stays because of an error goes at the next start.
    func remove(_ segment: SegmentName) {
        for file in [segment.index, segment.log] {
            context.files.forget(path(file))
            do throws(IOFault) {
                if try context.storage.status(of: path(file)) != nil { try context.storage.unlink(path(file)) }
            } catch { continue }
        }
    }
}
