import MillraceCore

extension Partition {
    /// What an append came to.
    struct Answer: Sendable {
        var outcome: Result<AppendResult, Failure>
        var completion: @Sendable (Result<AppendResult, Failure>) -> Void
    }

    /// Runs the completions that lie ready, one after the other, in the order in which they became ready.
    ///
    /// Whoever writes, and any of the sync threads, may find appends done at the same moment. Were each to run the
    /// completions it found, a later batch could be acknowledged while an earlier one of the same producer is not, and
    /// a producer that is killed in between would go on behind a batch that it has no answer for. So one thread at a
    /// time answers; the others leave theirs to it.
    func deliverAnswers() {
        var ready: [Answer] = state.withLock { state in
            guard !state.isAnswering, !state.answers.isEmpty else { return [] }
            state.isAnswering = true
            return state.takeAnswers()
        }
        while !ready.isEmpty {
            for answer in ready { answer.completion(answer.outcome) }
            ready = state.withLock { state in
                state.isAnswering = !state.answers.isEmpty
                return state.takeAnswers()
            }
        }
    }
}

extension Partition.State {
    fileprivate mutating func takeAnswers() -> [Partition.Answer] {
        defer { answers = [] }
        return answers
    }
}
