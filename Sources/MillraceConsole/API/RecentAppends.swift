internal import MillraceCore
internal import MillraceLog

/// Answers to appends that carried an idempotency key, so that a client that did not get one may ask again.
///
/// Two layers. This table is in memory: it gives back the very answer, and refuses a second request while the first is
/// under way. Under it the log itself knows the key: its batches carry a producer id made from the key and a sequence
/// made from the body, so that the log finds a repetition by the same rules as that of a Kafka producer. That is in the
/// batches, hence as durable as the records, and holds over a restart for as long as the log remembers producers.
final class RecentAppends: Sendable {
    enum Verdict: Sendable {
        case new
        case running
        case done(Response)
        /// The key came with another body before.
        case other
    }
    private struct Entry {
        var body: UInt32
        var answer: Response?
    }
    private struct Contents {
        var entries: [String: Entry] = [:]
        var order: [String] = []
        var next = 0
    }
    private let contents = Lock(Contents())

    /// With `new` the caller appends, then calls `finish`.
    ///
    /// - Parameter body: a checksum of the request's.
    func begin(_ key: String, body: UInt32) -> Verdict {
        contents.withLock { contents in
            if let entry = contents.entries[key] {
                if entry.body != body { return .other }
                return entry.answer.map { .done($0) } ?? .running
            }
            contents.entries[key] = Entry(body: body)
            if contents.order.count < Limits.idempotencyKeys {
                contents.order.append(key)
            } else {
                contents.entries[contents.order[contents.next]] = nil
                contents.order[contents.next] = key
                contents.next = (contents.next + 1) % Limits.idempotencyKeys
            }
            return .new
        }
    }

    /// A failed append is forgotten: trying again may succeed.
    func finish(_ key: String, _ response: Response?) {
        contents.withLock { contents in
            guard contents.entries[key] != nil else { return }
            if let response { contents.entries[key]?.answer = response } else { contents.entries[key] = nil }
        }
    }
}

/// What the log knows a repeated append by.
struct AppendIdentity: Sendable {
    private let key: [UInt8]
    /// Of key, partition wish and body: another request under the same key must not pass for a repetition.
    let body: UInt32

    init(key: String, request: Request) {
        self.key = Array(key.utf8)
        var bytes = request.body
        for name in ["partition", "key", "header"] {
            for value in request.query.values(name) { bytes += Array("\u{0}\(name)=\(value)".utf8) }
        }
        body = bytes.withUnsafeBytes { CRC32C.of($0) }
    }

    /// Where the records go when the request does not say: the same each time.
    func partition(of count: Int) -> Int { Int(hash(0) % UInt64(count)) }

    /// Each batch of a request is a producer of its own, since the log remembers only the last few of one producer.
    /// The ids lie above all that a log gives out by itself.
    func properties(batch: Int) -> RecordBatchBuilder.Properties {
        var properties = RecordBatchBuilder.Properties()
        properties.producerID = Int64(hash(UInt64(batch) + 1) >> 2 | 1 << 62)
        properties.producerEpoch = 0
        // Below a quarter of the range, so that no batch reaches its end.
        properties.baseSequence = Int32(body >> 3)
        return properties
    }

    /// FNV-1a, then mixed: stable for ever, and even in all bits.
    private func hash(_ salt: UInt64) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ (salt &* 0x9E37_79B9_7F4A_7C15)
        for byte in key { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        hash = (hash ^ hash >> 33) &* 0xFF51_AFD7_ED55_8CCD
        hash = (hash ^ hash >> 33) &* 0xC4CE_B9FE_1A85_EC53
        return hash ^ hash >> 33
    }
}
