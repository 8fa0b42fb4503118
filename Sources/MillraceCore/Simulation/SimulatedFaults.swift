/// Which call of the simulated disk goes wrong, and how.
struct SimulatedFaults {
    enum Effect {
        case none
        case fail(Int32)
        /// A write takes this many bytes and then fails.
        case short(Int, Int32)
        /// A read gives bytes of which one is not what was written.
        case corrupt
    }
    struct Plan {
        var call: IOFault.Call?
        var path: @Sendable (String) -> Bool
        /// Matching calls still to come before it strikes.
        var countdown: Int
        var isSticky: Bool
        var effect: Effect
    }
    var plans: [Plan] = []
    var counts: [IOFault.Call: Int] = [:]
    var total = 0
    var isOff = false
    /// Value of `total` at which the power goes.
    var powerOffAt: Int?
    var crashPointHits: [String: Int] = [:]
    var powerOffAtCrashPoint: [String: Int] = [:]

    /// Counts a call and says what happens to it.
    mutating func begin(_ call: IOFault.Call, _ path: String) -> Effect {
        if isOff { return .fail(IOFault.inputOutput) }
        counts[call, default: 0] += 1
        total += 1
        if total == powerOffAt {
            isOff = true
            return .fail(IOFault.inputOutput)
        }
        var effect = Effect.none
        for index in plans.indices where plans[index].call == nil || plans[index].call == call {
            guard plans[index].path(path) else { continue }
            plans[index].countdown -= 1
            let isDue = plans[index].isSticky ? plans[index].countdown <= 0 : plans[index].countdown == 0
            if isDue, case .none = effect { effect = plans[index].effect }
        }
        plans.removeAll { !$0.isSticky && $0.countdown <= 0 }
        return effect
    }

    /// `begin` for calls that only work or fail.
    mutating func check(_ call: IOFault.Call, _ path: String) throws(IOFault) {
        switch begin(call, path) {
        case .none, .corrupt: return
        case .fail(let errno), .short(_, let errno): throw IOFault(call, path: path, errno: errno)
        }
    }
}
