import MillraceCore

/// Keys from `lower` up to but not including `upper`.
struct KeyRange: Hashable, Sendable {
    var lower: [UInt8]
    var upper: [UInt8]

    init(_ lower: [UInt8], _ upper: [UInt8]) { (self.lower, self.upper) = (lower, upper) }

    /// Every key that begins with `prefix`.
    init(prefix: [UInt8]) { self.init(prefix, KeyRange.successor(of: prefix)) }

    /// The smallest key above all that begin with `prefix`. Our prefixes never consist of 0xFF alone.
    static func successor(of prefix: [UInt8]) -> [UInt8] {
        var upper = prefix
        while let last = upper.last {
            if last < 0xFF {
                upper[upper.count - 1] = last + 1
                return upper
            }
            upper.removeLast()
        }
        preconditionFailure("a prefix of nothing but 0xFF has no successor")
    }

    func lending<R, E: Error>(
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try lower.lending { (lower) throws(E) in
            try upper.lending { (upper) throws(E) in try body(lower, upper) }
        }
    }
}
