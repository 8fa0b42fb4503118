public import MillraceCore

/// A reader's word that it still needs records: retention and compaction stay behind its offset.
///
/// Kept by name across restarts, so that retention cannot be faster than the reader's return. The stored offset may lag
/// behind `move`, which only keeps more.
public final class RetentionHold: Sendable {
    public let name: String
    public let partition: Partition

    init(name: String, partition: Partition) { (self.name, self.partition) = (name, partition) }

    /// The offset from which on records are kept; nil once released.
    public var offset: Int64? { partition.state.withLock { $0.holds[name] } }

    /// Gives records before `offset` free. Never blocks.
    public func move(to offset: Int64) {
        partition.state.withLock { state in
            guard let known = state.holds[name], known < offset else { return }
            state.holds[name] = offset
        }
        partition.holdFile.markChanged()
    }
    /// Gives everything free.
    public func release() {
        partition.state.withLock { _ = $0.holds.removeValue(forKey: name) }
        partition.holdFile.markChanged()
    }
}

extension Topic {
    /// Keeps records of a partition from `offset` on until the hold moves or is released; durable on return. A hold of
    /// the same name is taken over.
    ///
    /// Throws `offsetOutOfRange`, naming the gap, when retention was faster.
    public func hold(name: String, partition index: Int, offset: Int64) throws(Failure) -> RetentionHold {
        let hold = try place(name, index, offset)
        try storeHolds()
        return hold
    }

    /// The same on several partitions for one write: offsets by partition.
    public func hold(name: String, offsets: [Int: Int64]) throws(Failure) -> [Int: RetentionHold] {
        var holds: [Int: RetentionHold] = [:]
        for (index, offset) in offsets.sorted(by: { $0.key < $1.key }) { holds[index] = try place(name, index, offset) }
        try storeHolds()
        return holds
    }

    /// A hold that is there already.
    public func hold(named name: String, ofPartition index: Int) -> RetentionHold? {
        let partition = partitions[index]
        return partition.state.withLock { $0.holds[name] } == nil
            ? nil : RetentionHold(name: name, partition: partition)
    }

    private func storeHolds() throws(Failure) {
        guard let partition = partitions.first else { return }
        try attempting("The hold could not be stored", place: name) { () throws(IOFault) in
            try partition.holdFile.store(partitions)
        }
    }

    private func place(_ name: String, _ index: Int, _ offset: Int64) throws(Failure) -> RetentionHold {
        let partitions = partitions
        guard partitions.indices.contains(index) else {
            throw Failure(.notFound, "The topic \(self.name) has no partition \(index)")
        }
        guard (1...Limits.groupNameBytes).contains(name.utf8.count) else {
            throw Failure(.invalidArgument, "A hold's name has 1 to \(Limits.groupNameBytes) bytes")
        }
        let partition = partitions[index]
        let bounds = partition.bounds(.readUncommitted)
        enum Outcome { case held, gone, full }
        let outcome: Outcome = partition.state.withLock { state in
            guard offset >= state.start else { return .gone }
            guard state.holds[name] != nil || state.holds.count < Limits.holdsPerPartition else { return .full }
            state.holds[name] = offset
            return .held
        }
        switch outcome {
        case .gone: throw partition.outOfRange(offset, bounds)
        case .full:
            throw Failure(
                .limitReached, "\(Limits.holdsPerPartition) readers hold this partition",
                advice: "Release holds of readers that are gone", place: partition.name)
        case .held: break
        }
        partition.holdFile.markChanged()
        return RetentionHold(name: name, partition: partition)
    }
    /// The holds there are: offset by name.
    public func holds(ofPartition index: Int) -> [String: Int64] {
        partitions[index].state.withLock { $0.holds }
    }
    /// Ends a hold whose reader is gone.
    public func releaseHold(name: String, partition index: Int) {
        RetentionHold(name: name, partition: partitions[index]).release()
    }
}
