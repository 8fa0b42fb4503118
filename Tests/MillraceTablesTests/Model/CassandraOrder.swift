import MillraceTables

/// CQL's order as Cassandra's own comparators give it: on the values' serialised bytes. The oracle of the key tests;
/// shares no code with what it judges.
enum CassandraOrder {
    static func compare(_ a: ArraySlice<UInt8>, _ b: ArraySlice<UInt8>, _ type: ColumnType) -> Int {
        switch type {
        case .ascii, .text, .blob, .inet, .date, .time: return unsigned(a, b)
        case .boolean: return sign(Int(a.first! == 0 ? 0 : 1) - Int(b.first! == 0 ? 0 : 1))
        case .tinyint, .smallint, .int, .bigint, .timestamp:
            // Two's complement of one length: the first byte is signed, the others are not.
            let (first, second) = (Int8(bitPattern: a.first!), Int8(bitPattern: b.first!))
            return first != second ? (first < second ? -1 : 1) : unsigned(a.dropFirst(), b.dropFirst())
        case .varint: return compare(bits: a, b)
        case .decimal: return decimal(a, b)
        case .float: return javaFloat(Double(float(a)), Double(float(b)))
        case .double: return javaFloat(Double(bitPattern: big(a)), Double(bitPattern: big(b)))
        case .uuid: return uuid(Array(a), Array(b))
        case .timeuuid: return timeuuid(Array(a), Array(b))
        case .list(let e, _), .set(let e, _):
            let (left, right) = (elements(a), elements(b))
            for (a, b) in zip(left, right) {
                let order = compare(a, b, e)
                if order != 0 { return order }
            }
            return sign(left.count - right.count)
        case .map(let k, let v, _):
            let (left, right) = (elements(a, per: 2), elements(b, per: 2))
            for (i, pair) in zip(left, right).enumerated() {
                let order = compare(pair.0, pair.1, i % 2 == 0 ? k : v)
                if order != 0 { return order }
            }
            return sign(left.count - right.count)
        case .tuple(let types): return fields(a, b, types)
        case .user(let user, _): return fields(a, b, user.fields.map(\.type))
        case .duration, .counter: preconditionFailure("has no order")
        }
    }

    static func sign(_ n: Int) -> Int { n.signum() }

    static func unsigned(_ a: some Collection<UInt8>, _ b: some Collection<UInt8>) -> Int {
        if a.elementsEqual(b) { return 0 }
        return a.lexicographicallyPrecedes(b) ? -1 : 1
    }

    static func big(_ bytes: some Collection<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
    static func float(_ bytes: some Collection<UInt8>) -> Float { Float(bitPattern: UInt32(big(bytes))) }

    /// Java's `Double.compare`.
    static func javaFloat(_ a: Double, _ b: Double) -> Int {
        if a < b { return -1 }
        if a > b { return 1 }
        if a.isNaN || b.isNaN { return a.isNaN && b.isNaN ? 0 : a.isNaN ? 1 : -1 }
        if a.sign == b.sign { return 0 }
        return a.sign == .minus ? -1 : 1
    }

    /// Two's complement numbers of any lengths: both are sign-extended to one length.
    static func compare(bits a: ArraySlice<UInt8>, _ b: ArraySlice<UInt8>) -> Int {
        func extended(_ bytes: ArraySlice<UInt8>, to count: Int) -> [UInt8] {
            let fill: UInt8 = (bytes.first ?? 0) >= 0x80 ? 0xFF : 0
            var all = Array(repeating: fill, count: count - bytes.count) + bytes
            all[0] ^= 0x80
            return all
        }
        let count = max(a.count, b.count, 1)
        return unsigned(extended(a, to: count), extended(b, to: count))
    }

    /// Brings both to one scale by multiplying the other's unscaled number with ten, then compares the numbers.
    static func decimal(_ a: ArraySlice<UInt8>, _ b: ArraySlice<UInt8>) -> Int {
        func scale(_ x: ArraySlice<UInt8>) -> Int { Int(Int32(truncatingIfNeeded: big(x.prefix(4)))) }
        func scaled(_ bytes: ArraySlice<UInt8>, by tens: Int) -> [UInt8] {
            // Room for the growth: a digit needs less than half a byte.
            var number = Array(repeating: (bytes.first ?? 0) >= 0x80 ? 0xFF as UInt8 : 0, count: tens / 2 + 2) + bytes
            for _ in 0..<tens {
                var carry = 0
                for i in number.indices.reversed() {
                    let product = Int(number[i]) * 10 + carry
                    number[i] = UInt8(product & 0xFF)
                    carry = product >> 8
                }
            }
            return number
        }
        let common = max(scale(a), scale(b))
        return compare(
            bits: scaled(a.dropFirst(4), by: common - scale(a))[...], scaled(b.dropFirst(4), by: common - scale(b))[...]
        )
    }

    static func uuid(_ a: [UInt8], _ b: [UInt8]) -> Int {
        let (left, right) = (a[6] >> 4, b[6] >> 4)
        if left != right { return left < right ? -1 : 1 }
        let high =
            left == 1
            ? unsigned(a[6...7] + a[4...5] + a[0...3], b[6...7] + b[4...5] + b[0...3]) : unsigned(a[..<8], b[..<8])
        return high != 0 ? high : unsigned(a[8...], b[8...])
    }

    static func timeuuid(_ a: [UInt8], _ b: [UInt8]) -> Int {
        let time = unsigned(a[6...7] + a[4...5] + a[0...3], b[6...7] + b[4...5] + b[0...3])
        if time != 0 { return time }
        for i in 8..<16 where a[i] != b[i] { return Int8(bitPattern: a[i]) < Int8(bitPattern: b[i]) ? -1 : 1 }
        return 0
    }

    static func elements(_ bytes: ArraySlice<UInt8>, per entry: Int = 1) -> [ArraySlice<UInt8>] {
        var rest = bytes.dropFirst(4)
        return (0..<Int(big(bytes.prefix(4))) * entry).map { _ in take(&rest)! }
    }

    static func take(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard !rest.isEmpty else { return nil }
        let size = Int(Int32(truncatingIfNeeded: big(rest.prefix(4))))
        rest = rest.dropFirst(4)
        guard size >= 0 else { return nil }
        defer { rest = rest.dropFirst(size) }
        return rest.prefix(size)
    }

    static func fields(_ a: ArraySlice<UInt8>, _ b: ArraySlice<UInt8>, _ types: [ColumnType]) -> Int {
        var (left, right) = (a, b)
        for type in types {
            switch (take(&left), take(&right)) {
            case (nil, nil): continue
            case (nil, _): return -1
            case (_, nil): return 1
            case (let a?, let b?):
                let order = compare(a, b, type)
                if order != 0 { return order }
            }
        }
        return 0
    }
}
