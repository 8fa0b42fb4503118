internal import MillraceCore

/// Which names may become directories: Kafka's rule, which no path can be smuggled through.
enum TopicName {
    static func validate(_ name: String, what: String = "topic") throws(Failure) {
        let bytes = name.utf8
        let isAllowed =
            (1...Limits.topicNameBytes).contains(bytes.count) && name != "." && name != ".."
            && bytes.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
        guard isAllowed else {
            throw Failure(
                .invalidArgument, "\"\(name.debugDescription.prefix(300))\" cannot be the name of a \(what)",
                advice: "Use 1 to \(Limits.topicNameBytes) of a-z A-Z 0-9 . _ -")
        }
    }
}
