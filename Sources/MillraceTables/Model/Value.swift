/// One value of a column.
///
/// The case is the value's shape, not its type: text stands for `ascii` and `text`, `bigint` also for `counter`,
/// `uuid` also for `timeuuid`, `tuple` also for user types. The codecs check a value against the column's type.
/// Null is the absence of a value. Equality is that of the encoded bytes: 1.0 and 1.00 differ, and so do NaNs of
/// different bits; CQL's order is `ColumnType.order`.
public enum Value: Sendable {
    case text(String)
    case blob([UInt8])
    case boolean(Bool)
    case tinyint(Int8)
    case smallint(Int16)
    case int(Int32)
    case bigint(Int64)
    case varint(BigInteger)
    case decimal(BigDecimal)
    case float(Float)
    case double(Double)
    /// Days since 1970-01-01.
    case date(Int32)
    /// Nanoseconds since midnight.
    case time(Int64)
    /// Milliseconds since 1970-01-01T00:00:00Z.
    case timestamp(Int64)
    case uuid(UniqueID)
    case inet(InternetAddress)
    case duration(CalendarDuration)
    case list([Value])
    /// The codecs put the elements in order and drop repeated ones.
    case set([Value])
    /// The codecs put the entries in order of their keys; of repeated keys the last counts.
    case map([MapEntry])
    /// Fields in order; nil is null. Fields missing at the end are null.
    case tuple([Value?])

    public struct MapEntry: Hashable, Sendable {
        public var key: Value
        public var value: Value
        public init(_ key: Value, _ value: Value) { (self.key, self.value) = (key, value) }
    }
}

/// A UUID as two big-endian halves.
public struct UniqueID: Hashable, Sendable, BitwiseCopyable {
    public var high: UInt64
    public var low: UInt64
    public init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }
    public var version: Int { Int(high >> 12 & 0xF) }

    /// The 60-bit time of a version 1 UUID with the version above it: its high half in order of time.
    var timeOrdered: UInt64 { high << 48 | (high << 16 & 0xFFFF_0000_0000) | high >> 32 }
    init(timeOrdered: UInt64, low: UInt64) {
        self.init(high: timeOrdered << 32 | (timeOrdered >> 16 & 0xFFFF_0000) | timeOrdered >> 48, low: low)
    }
}

/// An IPv4 or IPv6 address in network order.
public struct InternetAddress: Hashable, Sendable, BitwiseCopyable {
    public let isV6: Bool
    /// The address's bytes from the top; IPv4 uses the upper half of `high`.
    let high: UInt64
    let low: UInt64

    public init(v4: UInt32) { (isV6, high, low) = (false, UInt64(v4) << 32, 0) }
    public init(v6High: UInt64, low: UInt64) { (isV6, high, self.low) = (true, v6High, low) }

    /// 4 or 16 bytes; nil for any other number.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        var (high, low): (UInt64, UInt64) = (0, 0)
        for byte in bytes {
            high = high << 8 | low >> 56
            low = low << 8 | UInt64(byte)
        }
        if bytes.count == 16 { self.init(v6High: high, low: low) } else { self.init(v4: UInt32(low)) }
    }

    public var bytes: [UInt8] {
        let all = withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { Array($0) }
        return isV6 ? all : Array(all.prefix(4))
    }
}

/// CQL's duration: months, days and nanoseconds apart, since none is a fixed number of the others. All of one sign.
public struct CalendarDuration: Hashable, Sendable, BitwiseCopyable {
    public let months: Int32
    public let days: Int32
    public let nanoseconds: Int64

    /// Nil when the parts have different signs.
    public init?(months: Int32, days: Int32, nanoseconds: Int64) {
        let isNegative = months < 0 || days < 0 || nanoseconds < 0
        let isPositive = months > 0 || days > 0 || nanoseconds > 0
        if isNegative && isPositive { return nil }
        (self.months, self.days, self.nanoseconds) = (months, days, nanoseconds)
    }
}
