internal import MillraceCore

/// A value that arrives once, from any thread, for one waiting task. What comes later is told so.
final class Once<Value: Sendable>: Sendable {
    private enum State: Sendable {
        case empty
        case waiting(CheckedContinuation<Value, Never>)
        case arrived(Value)
        case taken
    }
    private let state = Lock(State.empty)

    /// Waits for the value. At most one task may.
    var value: Value {
        get async {
            await withCheckedContinuation { (continuation: CheckedContinuation<Value, Never>) in
                let arrived: Value? = state.withLock { state in
                    switch state {
                    case .empty:
                        state = .waiting(continuation)
                        return nil
                    case .arrived(let value):
                        state = .taken
                        return value
                    case .waiting, .taken: preconditionFailure("two tasks wait for one value")
                    }
                }
                if let arrived { continuation.resume(returning: arrived) }
            }
        }
    }

    /// False when a value was there already.
    @discardableResult func resume(returning value: Value) -> Bool {
        let (accepted, continuation): (Bool, CheckedContinuation<Value, Never>?) = state.withLock { state in
            switch state {
            case .empty:
                state = .arrived(value)
                return (true, nil)
            case .waiting(let continuation):
                state = .taken
                return (true, continuation)
            case .arrived, .taken: return (false, nil)
            }
        }
        continuation?.resume(returning: value)
        return accepted
    }
}
