/// What opening a store found and did, for the log and for people.
public struct RecoveryReport: Hashable, Sendable {
    public struct Event: Hashable, Sendable, CustomStringConvertible {
        public enum Kind: String, Hashable, Sendable {
            /// An unfinished write at the end of a partition was cut off: nothing of it had been acknowledged.
            case tornTail = "torn-tail"
            /// The same, but whole batches lay behind the broken one: what was cut is kept in the quarantine.
            case quarantined
            /// A partition takes no appends until someone looks at it.
            case refused
            /// A topic's metadata was lost and made anew from its data; it deletes nothing until it is altered.
            case metadataRebuilt = "metadata-rebuilt"
            /// What an interrupted deletion or creation left was cleared away.
            case leftover
        }
        public var kind: Kind
        public var place: String
        public var detail: String
        public var description: String { "\(kind.rawValue) \(place): \(detail)" }
    }
    /// The last run ended with `close`.
    public internal(set) var wasClean = false
    public internal(set) var events: [Event] = []
    /// Bytes that were read to prove what the hints did not.
    public internal(set) var scannedBytes: Int64 = 0

    mutating func note(_ kind: Event.Kind, _ place: String, _ detail: String) {
        events.append(Event(kind: kind, place: place, detail: detail))
    }
}
