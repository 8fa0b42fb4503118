internal import MillraceCore
internal import MillraceFlow
internal import MillraceRuntime

/// What an input tells the guard before user code sees its records, and what deaths before have taught about them.
///
/// Records that are under suspicion are run one by one, so that the next death names one. Results that leave without a
/// record, of windows and timers, are nobody's: a trap there ends with the guard giving up.
struct RecordBlame {
    private let slot: BlameSlot
    private let suspects: [BlamedRange]
    private let condemned: [BlamedRange]

    /// - Parameter port: the number of the task's input. The guard knows tasks by their pipeline's name, stage and
    ///   partition; a second input is told from the first by the name.
    init(_ book: BlameBook, _ task: TaskAddress, port: Int) throws(Failure) {
        let name = Self.name(of: task, port: port)
        slot = try book.slot(pipeline: name, stage: task.stage, partition: task.partition)
        let isMine = { (range: BlamedRange) in
            range.pipeline == name && range.stage == task.stage && range.partition == task.partition
        }
        (suspects, condemned) = (book.ledger.suspects.filter(isMine), book.ledger.condemned.filter(isMine))
    }

    static func name(of task: TaskAddress, port: Int) -> String {
        port == 0 ? task.pipeline : "\(task.pipeline) input \(port)"
    }

    /// How often the process died with this record, when it is not to be tried again.
    func deaths(with offset: Int64) -> Int? { condemned.first { $0.contains(offset) }?.deaths }

    /// None of these records was there when a process died.
    func trusts(_ offsets: ClosedRange<Int64>) -> Bool {
        if suspects.isEmpty, condemned.isEmpty { return true }
        return !(suspects + condemned).contains { $0.from <= offsets.upperBound && offsets.lowerBound <= $0.through }
    }

    /// Runs user code on records, so that its death is theirs.
    func guarding<R>(_ offsets: ClosedRange<Int64>, _ body: () -> R) -> R {
        slot.enter(from: offsets.lowerBound, through: offsets.upperBound)
        defer { slot.leave() }
        return body()
    }
}

extension UnsafeBufferPointer<RawRecord> {
    var offsets: ClosedRange<Int64>? {
        guard let first, let last else { return nil }
        return first.offset...last.offset
    }
}
