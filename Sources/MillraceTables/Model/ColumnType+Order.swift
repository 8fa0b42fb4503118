extension ColumnType {
    /// CQL's order of two values of this type: negative, zero or positive. Both must be of the type and in canonical
    /// form; durations and counters have no order, and compare somehow.
    ///
    /// -0.0 is below 0.0, and every NaN is the same and above all else; decimals compare as numbers; a tuple's null is
    /// below every value, and what is missing at its end is null.
    public func order(_ a: Value, _ b: Value) -> Int {
        switch (a, b) {
        case (.text(let a), .text(let b)): return Order.bytes(a.utf8, b.utf8)
        case (.blob(let a), .blob(let b)): return Order.bytes(a, b)
        case (.boolean(let a), .boolean(let b)): return a == b ? 0 : b ? -1 : 1
        case (.tinyint(let a), .tinyint(let b)): return Order.of(a, b)
        case (.smallint(let a), .smallint(let b)): return Order.of(a, b)
        case (.int(let a), .int(let b)), (.date(let a), .date(let b)): return Order.of(a, b)
        case (.bigint(let a), .bigint(let b)), (.time(let a), .time(let b)), (.timestamp(let a), .timestamp(let b)):
            return Order.of(a, b)
        case (.varint(let a), .varint(let b)): return Order.of(a, b)
        case (.decimal(let a), .decimal(let b)): return BigDecimal.order(a, b)
        case (.float(let a), .float(let b)): return Order.of(Order.total(a), Order.total(b))
        case (.double(let a), .double(let b)): return Order.of(Order.total(a), Order.total(b))
        case (.uuid(let a), .uuid(let b)): return self == .timeuuid ? Order.timeuuid(a, b) : Order.uuid(a, b)
        case (.inet(let a), .inet(let b)): return Order.bytes(a.bytes, b.bytes)
        case (.list(let a), .list(let b)), (.set(let a), .set(let b)):
            let element = parts[0]
            for (a, b) in zip(a, b) {
                let order = element.order(a, b)
                if order != 0 { return order }
            }
            return Order.of(a.count, b.count)
        case (.map(let a), .map(let b)):
            let (key, value) = (parts[0], parts[1])
            for (a, b) in zip(a, b) {
                let order = key.order(a.key, b.key)
                if order != 0 { return order }
                let second = value.order(a.value, b.value)
                if second != 0 { return second }
            }
            return Order.of(a.count, b.count)
        case (.tuple(let a), .tuple(let b)):
            for (i, type) in parts.enumerated() {
                switch (i < a.count ? a[i] : nil, i < b.count ? b[i] : nil) {
                case (nil, nil): continue
                case (nil, _?): return -1
                case (_?, nil): return 1
                case (let a?, let b?):
                    let order = type.order(a, b)
                    if order != 0 { return order }
                }
            }
            return 0
        case (.duration(let a), .duration(let b)):
            return Order.of(a.months, b.months) * 4 + Order.of(a.days, b.days) * 2
                + Order.of(a.nanoseconds, b.nanoseconds)
        default: return 0
        }
    }
}

/// Orders of plain things.
enum Order {
    @inline(__always) static func of<T: Comparable>(_ a: T, _ b: T) -> Int { a < b ? -1 : a > b ? 1 : 0 }

    static func bytes(_ a: some Sequence<UInt8>, _ b: some Sequence<UInt8>) -> Int {
        var (left, right) = (a.makeIterator(), b.makeIterator())
        while true {
            switch (left.next(), right.next()) {
            case (nil, nil): return 0
            case (nil, _): return -1
            case (_, nil): return 1
            case (let a?, let b?): if a != b { return a < b ? -1 : 1 }
            }
        }
    }

    /// Bits whose unsigned order is Java's `Float.compare`: one NaN above all, -0.0 below 0.0.
    static func total(_ value: Float) -> UInt32 {
        let bits = value.isNaN ? 0x7FC0_0000 : value.bitPattern
        return bits >> 31 == 1 ? ~bits : bits | 1 << 31
    }
    static func total(_ value: Double) -> UInt64 {
        let bits = value.isNaN ? 0x7FF8_0000_0000_0000 : value.bitPattern
        return bits >> 63 == 1 ? ~bits : bits | 1 << 63
    }

    /// By version, then version 1 by time and others by their bytes, then the low half unsigned.
    static func uuid(_ a: UniqueID, _ b: UniqueID) -> Int {
        if a.version != b.version { return of(a.version, b.version) }
        if a.version == 1, a.high != b.high { return of(a.timeOrdered, b.timeOrdered) }
        if a.high != b.high { return of(a.high, b.high) }
        return of(a.low, b.low)
    }

    /// By time, then the low half as *signed* bytes, which Cassandra keeps for its oldest tables' sake.
    static func timeuuid(_ a: UniqueID, _ b: UniqueID) -> Int {
        if a.high != b.high { return of(a.timeOrdered, b.timeOrdered) }
        return of(a.low ^ signedBytes, b.low ^ signedBytes)
    }
    /// Turns an order of signed bytes into one of unsigned bytes.
    static let signedBytes: UInt64 = 0x8080_8080_8080_8080
}
