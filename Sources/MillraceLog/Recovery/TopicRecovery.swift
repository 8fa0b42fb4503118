internal import MillraceCore

/// Opens one topic's directory. Data is never deleted because the metadata does not mention it.
enum TopicRecovery {
    /// Nil for a topic that was deleted, or whose creation never finished.
    static func open(
        _ name: String, directory: String, context: StoreContext, report: inout RecoveryReport
    ) throws(IOFault) -> Topic? {
        let storage = context.storage
        // Names that the last run made may not be durable; what is appended under them from now on will be.
        if !report.wasClean { try storage.syncDirectory(directory) }
        let indexes = try storage.list(directory).compactMap { file -> Int? in
            guard let index = Int(file), String(index) == file, index < Limits.partitionsPerTopic else { return nil }
            return index >= 0 ? index : nil
        }
        var metadata = try readMetadata(directory, context, &report, name)
        if metadata?.isDeleted ?? false {
            try TopicDeletion.removeFiles(directory, storage)
            report.note(.leftover, name, "the deletion was finished")
            return nil
        }
        if metadata == nil {
            if try isEmpty(directory, indexes, storage) {
                try TopicDeletion.removeFiles(directory, storage)
                report.note(.leftover, name, "the creation had not finished")
                return nil
            }
            metadata = rebuilt(indexes)
            report.note(.metadataRebuilt, name, "\(indexes.count) partitions were found; retention is off")
        }
        guard var metadata else { return nil }
        // A partition added just before a crash, or metadata from an old backup: the data counts.
        let count = max(metadata.configuration.partitions, (indexes.max() ?? -1) + 1)
        metadata.configuration.partitions = count
        let settings = TopicSettings(metadata)
        let points = RecoveryPoints(context: context, directory: directory)
        let known = points.readAll(count: count)
        var partitions: [Partition] = []
        partitions.reserveCapacity(count)
        let present = Set(indexes)
        for index in 0..<count {
            if present.contains(index) {
                partitions.append(
                    openPartition(index, name, directory, context, settings, points, known[index], &report))
            } else {
                let partition = try Topic.newPartition(
                    index, topic: name, directory: directory, context: context, settings: settings, points: points)
                if let point = known[index], point.durableOffset > 0 {
                    partition.refuse(missing(partition.name, point, &report))
                }
                partitions.append(partition)
            }
        }
        for hold in try points.holds.read() where partitions.indices.contains(hold.partition) {
            partitions[hold.partition].state.withLock { $0.holds[hold.name] = hold.offset }
        }
        return Topic(
            name: name, directory: directory, context: context, settings: settings, points: points,
            partitions: partitions)
    }

    private static func missing(_ place: String, _ point: RecoveryPoint, _ report: inout RecoveryReport) -> Failure {
        let message = "The partition's files are gone; \(point.durableOffset) records were known to be on the disk"
        report.note(.refused, place, message)
        return Failure(.corrupt, message, advice: Partition.damageAdvice, place: place)
    }

    /// One partition that cannot be opened does not keep the others from serving.
    private static func openPartition(
        _ index: Int, _ topic: String, _ directory: String, _ context: StoreContext, _ settings: TopicSettings,
        _ points: RecoveryPoints, _ point: RecoveryPoint?, _ report: inout RecoveryReport
    ) -> Partition {
        let name = "\(topic)/\(index)"
        let path = "\(directory)/\(index)"
        let recovery = PartitionRecovery(
            name: name, directory: path, context: context, point: point, wasClean: report.wasClean,
            durability: settings.current.durability, report: report)
        var state: Partition.State
        do throws(IOFault) { (state, report) = try recovery.run() } catch {
            let failure = Failure(error, "The partition could not be opened", place: name)
            report.note(.refused, name, failure.description)
            let end = point?.durableOffset ?? 0
            state = Partition.State(
                segments: [], start: end, end: end, durable: end, epoch: 0, producers: ProducerStates(), hasState: false
            )
            state.fault = failure
        }
        return Partition(
            topic: topic, index: index, directory: path, context: context, settings: settings, points: points,
            state: state)
    }

    private static func readMetadata(
        _ directory: String, _ context: StoreContext, _ report: inout RecoveryReport, _ name: String
    ) throws(IOFault) -> TopicMetadata? {
        let path = directory + "/" + TopicMetadata.fileName
        guard let bytes = try context.storage.contents(of: path, limit: Limits.checkedFileBytes) else { return nil }
        do throws(ByteFault) { return try TopicMetadata(decoding: bytes) } catch {
            try context.storage.makeDirectory(context.quarantine)
            try context.storage.rename(path, to: "\(context.quarantine)/\(name).\(TopicMetadata.fileName)")
            return nil
        }
    }

    private static func isEmpty(_ directory: String, _ indexes: [Int], _ storage: any Storage) throws(IOFault) -> Bool {
        for index in indexes where try !storage.list("\(directory)/\(index)").isEmpty { return false }
        return true
    }

    private static func rebuilt(_ indexes: [Int]) -> TopicMetadata {
        var configuration = TopicConfiguration(partitions: max(1, (indexes.max() ?? 0) + 1))
        (configuration.retentionTime, configuration.retentionBytes) = (nil, nil)
        configuration.maxBatchBytes = Limits.batchBytes
        return TopicMetadata(configuration, isRebuilt: true)
    }
}

/// Takes a topic off the disk. Its metadata says so first and goes last, so that a crash in between is finished later.
enum TopicDeletion {
    static func removeFiles(_ directory: String, _ storage: any Storage) throws(IOFault) {
        for entry in try storage.list(directory) where entry != TopicMetadata.fileName {
            let path = directory + "/" + entry
            if try storage.status(of: path)?.kind == .directory {
                for file in try storage.list(path) { try storage.unlink(path + "/" + file) }
                try storage.removeDirectory(path)
            } else {
                try storage.unlink(path)
            }
        }
        try storage.syncDirectory(directory)
        let metadata = directory + "/" + TopicMetadata.fileName
        if try storage.status(of: metadata) != nil { try storage.unlink(metadata) }
        try storage.removeDirectory(directory)
        try storage.syncDirectory(String.parent(of: directory))
    }
}
