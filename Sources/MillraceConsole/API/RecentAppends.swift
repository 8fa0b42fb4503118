internal import MillraceCore

/// Answers to appends that carried an idempotency key, so that a client that did not get one may ask again.
///
/// In memory and bounded: it covers a lost answer or a retry, not a restart of the node.
final class RecentAppends: Sendable {
    enum State: Sendable {
        case running
        case done(Response)
    }
    private struct Contents {
        var states: [String: State] = [:]
        var order: [String] = []
        var next = 0
    }
    private let contents = Lock(Contents())

    /// `nil` when the key is new: the caller appends, then calls `finish`.
    func begin(_ key: String) -> State? {
        contents.withLock { contents in
            if let state = contents.states[key] { return state }
            contents.states[key] = .running
            if contents.order.count < Limits.idempotencyKeys {
                contents.order.append(key)
            } else {
                contents.states[contents.order[contents.next]] = nil
                contents.order[contents.next] = key
                contents.next = (contents.next + 1) % Limits.idempotencyKeys
            }
            return nil
        }
    }

    /// A failed append is forgotten: trying again may succeed.
    func finish(_ key: String, _ response: Response?) {
        contents.withLock { contents in
            guard contents.states[key] != nil else { return }
            contents.states[key] = response.map { .done($0) }
        }
    }
}
