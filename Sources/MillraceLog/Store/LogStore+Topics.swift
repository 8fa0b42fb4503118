public import MillraceCore

extension LogStore {
    private func changing<R>(_ body: () throws(Failure) -> R) throws(Failure) -> R {
        if context.isClosing.withLock({ $0 }) { throw context.closedFailure }
        let _: Bool = changes.wait { isBusy in
            if isBusy { return .wait(until: nil) }
            isBusy = true
            return .done(true)
        }
        defer {
            changes.withLock { $0 = false }
            changes.signal()
        }
        return try body()
    }

    private func path(_ name: String) -> String { directory + "/topics/" + name }

    /// Creates a topic, durable on return. Names are 1 to 249 of `a-z A-Z 0-9 . _ -`.
    @discardableResult
    public func createTopic(
        _ name: String, _ configuration: TopicConfiguration = TopicConfiguration()
    ) throws(Failure) -> Topic {
        try TopicName.validate(name)
        try configuration.validate()
        return try changing { () throws(Failure) in
            guard topic(name) == nil else {
                throw Failure(.alreadyExists, "The topic \(name) exists", advice: "Choose another name, or alter it")
            }
            guard topicCount < Limits.topics else {
                throw Failure(.limitReached, "There are \(Limits.topics) topics", advice: "Delete one first")
            }
            let topic = try attempting("The topic could not be created", place: name) { () throws(IOFault) in
                try makeTopic(name, configuration)
            }
            insert(topic)
            return topic
        }
    }

    /// Directories first, metadata last: a topic without metadata and data is cleared away at the next start.
    private func makeTopic(_ name: String, _ configuration: TopicConfiguration) throws(IOFault) -> Topic {
        let directory = path(name)
        try context.storage.makeDirectory(directory)
        let settings = TopicSettings(TopicMetadata(configuration))
        let points = RecoveryPoints(context: context, directory: directory)
        var partitions: [Partition] = []
        partitions.reserveCapacity(configuration.partitions)
        for index in 0..<configuration.partitions {
            partitions.append(
                try Topic.newPartition(
                    index, topic: name, directory: directory, context: context, settings: settings, points: points))
        }
        try store(settings.metadata, in: directory)
        try context.storage.syncDirectory(String.parent(of: directory))
        return Topic(
            name: name, directory: directory, context: context, settings: settings, points: points,
            partitions: partitions)
    }

    private func store(_ metadata: TopicMetadata, in directory: String) throws(IOFault) {
        try context.storage.replace(directory + "/" + TopicMetadata.fileName, with: metadata.encode())
    }

    private func existing(_ name: String) throws(Failure) -> Topic {
        guard let topic = topic(name) else {
            throw Failure(.notFound, "There is no topic \(name)", advice: "Create it, or look at the list of topics")
        }
        return topic
    }

    /// Changes everything but the number of partitions. Holds for what is appended from now on.
    public func alterTopic(
        _ name: String, _ change: (inout TopicConfiguration) -> Void
    ) throws(Failure) {
        try changing { () throws(Failure) in
            let topic = try existing(name)
            var configuration = topic.configuration
            let partitions = configuration.partitions
            change(&configuration)
            guard configuration.partitions == partitions else {
                throw Failure(
                    .invalidArgument, "The number of partitions is not altered like this",
                    advice: "Use addPartitions; they can only grow")
            }
            try configuration.validate()
            let metadata = TopicMetadata(configuration)
            try attempting("The topic's metadata could not be stored", place: name) { () throws(IOFault) in
                try store(metadata, in: topic.directory)
            }
            topic.settings.set(metadata)
        }
    }

    /// Makes a topic have `count` partitions. Keyed records of a key may then go elsewhere than before.
    public func addPartitions(_ name: String, to count: Int) throws(Failure) {
        try changing { () throws(Failure) in
            let topic = try existing(name)
            var metadata = topic.settings.metadata
            let now = topic.partitions.count
            guard count > now else {
                throw Failure(
                    .invalidArgument, "The topic \(name) has \(now) partitions", advice: "The number can only grow")
            }
            metadata.configuration.partitions = count
            try metadata.configuration.validate()
            let stored = metadata
            let added = try attempting("Partitions could not be added", place: name) { () throws(IOFault) in
                var added: [Partition] = []
                for index in now..<count {
                    added.append(
                        try Topic.newPartition(
                            index, topic: name, directory: topic.directory, context: context, settings: topic.settings,
                            points: topic.points))
                }
                try store(stored, in: topic.directory)
                return added
            }
            topic.settings.set(stored)
            topic.append(added)
        }
    }

    /// Deletes a topic and its records. Readers that have it open get `closed`.
    public func deleteTopic(_ name: String) throws(Failure) {
        try changing { () throws(Failure) in
            let topic = try existing(name)
            var metadata = topic.settings.metadata
            metadata.isDeleted = true
            let stored = metadata
            try attempting("The topic could not be deleted", place: name) { () throws(IOFault) in
                try store(stored, in: topic.directory)
            }
            let failure = Failure(.closed, "The topic \(name) was deleted", place: name)
            for partition in topic.partitions { partition.refuse(failure) }
            removeFromTable(name)
            // What is left after an error here goes at the next start.
            try attempting("The topic's files could not all be removed", place: name) { () throws(IOFault) in
                for partition in topic.partitions { partition.forgetFiles() }
                context.files.forget(topic.directory + "/" + RecoveryPoints.fileName)
                try TopicDeletion.removeFiles(topic.directory, context.storage)
            }
        }
    }
}

extension Partition {
    func forgetFiles() {
        let names = state.withLock { $0.segments.map(\.name) }
        for segment in names { context.files.forget(path(segment.log)) }
    }

    /// Everything durable and noted, for a clean end. The store's threads have stopped.
    func close() throws(Failure) {
        if let fault = fault { throw fault }
        try syncNow()
        let last: Segment? = state.withLock { state in
            state.lazySync?.cancel()
            return state.segments.last
        }
        guard let last else { return }
        storeIndex(of: last)
        storeSnapshot()
        let durable = durableOffset
        try attempting("The recovery point could not be written", place: name) { () throws(IOFault) in
            let hasState = state.withLock { $0.hasState }
            let point = RecoveryPoint(
                durableOffset: durable, segmentBase: last.base, position: UInt32(last.bytes), epoch: last.name.epoch,
                hasState: hasState)
            try points.write(point, of: index)
        }
    }
}
