public import MillraceCore

/// Where the answer to one request goes. Answer once; thrown away without an answer, the asker is told at once.
public final class Reply<Answer: Sendable>: Sendable {
    let once = Once<Result<Answer, Failure>>()
    private let mailbox: String
    private let letters: UndeliveredLetters?

    init(mailbox: String, letters: UndeliveredLetters?) { (self.mailbox, self.letters) = (mailbox, letters) }

    deinit {
        once.resume(returning: .failure(Failure(.unanswered, "the request was not answered", place: mailbox)))
    }

    /// False when it comes too late: the asker has gone. The answer is then an undelivered letter.
    @discardableResult public func answer(_ answer: Answer) -> Bool { finish(.success(answer)) }
    @discardableResult public func fail(_ failure: Failure) -> Bool { finish(.failure(failure)) }

    private func finish(_ result: Result<Answer, Failure>) -> Bool {
        let isInTime = once.resume(returning: result)
        if !isInTime { letters?.note(result, mailbox: mailbox, reason: .lateReply) }
        return isInTime
    }
}

extension Mailbox {
    /// Sends a request and waits for its answer; the time-out covers both. Throws `timed-out`, `unanswered`,
    /// `cancelled`, what `send` throws, or what the receiver answers.
    public func ask<Answer: Sendable>(
        within limit: TimeSpan = Limits.ask, _ request: (Reply<Answer>) -> Message
    ) async throws(Failure) -> Answer {
        let deadline = clock.now + limit
        let once: Once<Result<Answer, Failure>>
        do {
            let reply = Reply<Answer>(mailbox: name, letters: undelivered)
            once = reply.once
            guard try await send(request(reply), by: deadline) != .dropped else {
                throw Failure(.limitReached, "mailbox \(name) is full", place: name, isRetriable: true)
            }
        }
        let name = name
        let timer = clock.schedule(at: deadline) {
            once.resume(
                returning: .failure(
                    Failure(.timedOut, "no answer from \(name) in \(limit)", place: name, isRetriable: true)))
        }
        let result = await withTaskCancellationHandler {
            await once.value
        } onCancel: {
            once.resume(returning: .failure(Failure(.cancelled, "cancelled while asking \(name)", place: name)))
        }
        timer.cancel()
        return try result.get()
    }
}
