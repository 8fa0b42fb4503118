internal import MillraceCore

/// Connections that have not shown the token, where others than this machine can reach the node: few, and shared out by
/// address, so that whoever opens many of them only crowds out themselves.
struct Strangers: Sendable {
    private var all: [UInt64: Connection] = [:]

    var count: Int { all.count }

    /// Lets one in. Returns who has to go for it: the oldest of the address that has the most, so that there are never
    /// more than `Limits.httpStrangers`.
    mutating func add(_ connection: Connection) -> Connection? {
        all[connection.id] = connection
        guard all.count > Limits.httpStrangers else { return nil }
        var byAddress: [Address: (count: Int, oldest: UInt64)] = [:]
        for one in all.values {
            let before = byAddress[one.address] ?? (0, .max)
            byAddress[one.address] = (before.count + 1, min(before.oldest, one.id))
        }
        // Of addresses with as many the one whose oldest is older: a choice that does not hang on a dictionary's order.
        let most = byAddress.values.max { ($0.count, $1.oldest) < ($1.count, $0.oldest) }
        return most.flatMap { all.removeValue(forKey: $0.oldest) }
    }

    mutating func remove(_ connection: Connection) { all[connection.id] = nil }
}
