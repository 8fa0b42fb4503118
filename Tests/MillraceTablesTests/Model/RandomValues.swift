import MillraceCore
import MillraceTables

/// Random types and values, thick at the places where encodings go wrong: limits, signs, zeros, prefixes, near twins.
struct RandomValues {
    var random: SeededRandom

    static let point = UserType(
        keyspace: "ks", name: "point",
        fields: [.init("x", .int), .init("label", .text), .init("tags", .set(.int, frozen: true))])

    static let keyScalars = ColumnType.scalars.map(\.type).filter { $0 != .duration && $0 != .counter }

    mutating func keyType(depth: Int = 0) -> ColumnType {
        if depth < 2, random.oneIn(4) {
            switch random.below(5) {
            case 0: return .list(keyType(depth: depth + 1), frozen: true)
            case 1: return .set(keyType(depth: depth + 1), frozen: true)
            case 2: return .map(keyType(depth: depth + 1), keyType(depth: depth + 1), frozen: true)
            case 3: return .tuple((0...random.below(3)).map { _ in keyType(depth: depth + 1) })
            default: return .user(RandomValues.point, frozen: true)
            }
        }
        return random.pick(RandomValues.keyScalars)
    }

    /// Any type of a column outside the key.
    mutating func anyType() -> ColumnType {
        switch random.below(8) {
        case 0: return .duration
        case 1: return .list(keyType(depth: 1), frozen: random.oneIn(2))
        case 2: return .set(keyType(depth: 1), frozen: random.oneIn(2))
        case 3: return .map(keyType(depth: 1), random.oneIn(3) ? .duration : keyType(depth: 1), frozen: random.oneIn(2))
        case 4: return .user(RandomValues.point, frozen: random.oneIn(2))
        default: return keyType()
        }
    }

    mutating func value(_ type: ColumnType) -> Value {
        switch type {
        case .ascii: return .text(String(decoding: bytes(below: 0x80), as: UTF8.self))
        case .text: return .text(text())
        case .blob: return .blob(bytes(below: 256))
        case .boolean: return .boolean(random.oneIn(2))
        case .tinyint: return .tinyint(integer())
        case .smallint: return .smallint(integer())
        case .int: return .int(integer())
        case .bigint, .counter: return .bigint(integer())
        case .varint: return .varint(bigInteger())
        case .decimal: return .decimal(BigDecimal(unscaled: bigInteger(), scale: Int32(random.below(41) - 20)))
        case .float: return .float(float())
        case .double: return .double(double())
        case .date: return .date(integer())
        case .time: return .time(Int64(random.next(upperBound: 86_400_000_000_000 as UInt64)))
        case .timestamp: return .timestamp(integer())
        case .uuid: return .uuid(uuid(version: UInt64(random.pick([1, 1, 4, 4, 7, 0, 15]))))
        case .timeuuid: return .uuid(uuid(version: 1))
        case .inet:
            if random.oneIn(2) { return .inet(InternetAddress(v4: integer(UInt32.self))) }
            return .inet(InternetAddress(v6High: integer(UInt64.self), low: integer(UInt64.self)))
        case .duration:
            let sign: Int64 = random.oneIn(2) ? 1 : -1
            return .duration(
                CalendarDuration(
                    months: Int32(sign) * Int32(random.below(1 << (1 + random.below(30)))),
                    days: Int32(sign) * Int32(random.below(1 << (1 + random.below(30)))),
                    nanoseconds: sign * Int64(random.next() >> UInt64(1 + random.below(63))))!)
        case .list(let e, _): return .list((0..<random.below(4)).map { _ in value(e) })
        case .set(let e, _): return .set((0..<random.below(4)).map { _ in value(e) })
        case .map(let k, let v, _): return .map((0..<random.below(3)).map { _ in .init(value(k), value(v)) })
        case .tuple, .user:
            var fields: [Value?] = type.parts.map { random.oneIn(4) ? nil : value($0) }
            if random.oneIn(6) { fields.removeLast() }
            return .tuple(fields)
        }
    }

    /// A value that is likely to differ from the given one only at one place, or not at all.
    mutating func neighbour(of value: Value, _ type: ColumnType) -> Value {
        if random.oneIn(4) { return self.value(type) }
        switch value {
        case .text(let text):
            var bytes = Array(text.utf8)
            mutate(&bytes, below: 0x80)
            guard let near = String(validating: bytes, as: UTF8.self), type != .ascii || bytes.allSatisfy({ $0 < 0x80 })
            else { return value }
            return .text(near)
        case .blob(var bytes):
            mutate(&bytes, below: 256)
            return .blob(bytes)
        case .bigint(let n): return .bigint(n &+ Int64(random.below(3)) &- 1)
        case .timestamp(let n): return .timestamp(n &+ Int64(random.below(3)) &- 1)
        case .int(let n): return .int(n &+ Int32(random.below(3)) &- 1)
        case .varint(let n):
            var bytes = n.bytes
            mutate(&bytes, below: 256)
            return .varint(BigInteger(twosComplement: bytes))
        case .decimal(let d):
            // The same number at another scale, or one that is a digit away.
            let digit = random.oneIn(2) ? "0" : "1"
            return .decimal(BigDecimal(unscaled: BigInteger("\(d.unscaled)\(digit)")!, scale: d.scale + 1))
        case .double(let d):
            return .double(random.oneIn(3) ? -d : Double(bitPattern: d.bitPattern &+ UInt64(random.below(3)) &- 1))
        case .float(let d):
            return .float(random.oneIn(3) ? -d : Float(bitPattern: d.bitPattern &+ UInt32(random.below(3)) &- 1))
        case .uuid(let id):
            let bit = UInt64(1) << UInt64(random.below(64))
            let near =
                random.oneIn(2)
                ? UniqueID(high: id.high ^ bit, low: id.low) : UniqueID(high: id.high, low: id.low ^ bit)
            return type == .timeuuid && near.version != 1 ? value : .uuid(near)
        case .list(var elements):
            alter(&elements, type.parts[0])
            return .list(elements)
        case .set(var elements):
            alter(&elements, type.parts[0])
            return .set(elements)
        case .map(var entries):
            if !entries.isEmpty {
                let i = random.below(entries.count)
                entries[i].value = neighbour(of: entries[i].value, type.parts[1])
            }
            return .map(entries)
        case .tuple(var fields):
            if !fields.isEmpty {
                let i = random.below(fields.count)
                fields[i] = fields[i].map { random.oneIn(4) ? nil : neighbour(of: $0, type.parts[i]) } ?? nil
            }
            return .tuple(fields)
        default: return self.value(type)
        }
    }

    private mutating func alter(_ elements: inout [Value], _ type: ColumnType) {
        switch random.below(3) {
        case 0: elements.append(value(type))
        case 1: if !elements.isEmpty { elements.removeLast() }
        default:
            if elements.isEmpty { return }
            let i = random.below(elements.count)
            elements[i] = neighbour(of: elements[i], type)
        }
    }

    private mutating func mutate(_ bytes: inout [UInt8], below limit: Int) {
        switch random.below(4) {
        case 0: bytes.append(UInt8(random.pick([0, 1, limit - 1, random.below(limit)])))
        case 1: if bytes.count > 1 { bytes.removeLast() }
        case 2: if !bytes.isEmpty { bytes[random.below(bytes.count)] = UInt8(random.pick([0, 1, limit - 1])) }
        default: break
        }
    }

    /// Bytes rich in 00, 01 and the highest.
    mutating func bytes(below limit: Int) -> [UInt8] {
        (0..<random.below(random.oneIn(20) ? 40 : 6)).map { _ in
            UInt8(random.pick([0, 0, 1, limit - 1, random.below(limit), random.below(limit)]))
        }
    }
    mutating func text() -> String {
        let alphabet: [String] = [
            "", "\u{0}", "\u{1}", "a", "b", "é", "e\u{301}", "\u{7F}", "\u{80}", "ÿ", "€", "😀", "\u{FFFD}",
        ]
        return (0..<random.below(5)).map { _ in random.pick(alphabet) }.joined()
    }
    mutating func integer<T: FixedWidthInteger>(_: T.Type = T.self) -> T {
        switch random.below(4) {
        case 0: return random.pick([T.min, T.max, 0, 1, T(truncatingIfNeeded: -1)])
        case 1: return T(truncatingIfNeeded: random.below(512) - 256)
        default: return T(truncatingIfNeeded: random.next())
        }
    }
    mutating func bigInteger() -> BigInteger {
        let size = random.oneIn(50) ? 90 + random.below(40) : random.below(12)
        var bytes = (0..<size).map { _ in UInt8(random.pick([0, 0xFF, 0x80, random.below(256)])) }
        if random.oneIn(8) { bytes = [] }
        return BigInteger(twosComplement: bytes)
    }
    mutating func double() -> Double {
        switch random.below(3) {
        case 0: return random.pick([0, -0.0, .infinity, -.infinity, .nan, -.nan, 1, -1, .leastNonzeroMagnitude])
        case 1: return Double(random.below(2_000) - 1_000) / 8
        default: return Double(bitPattern: random.next())
        }
    }
    mutating func float() -> Float {
        switch random.below(3) {
        case 0: return random.pick([0, -0.0, .infinity, -.infinity, .nan, -.nan, 1, -1, .leastNonzeroMagnitude])
        case 1: return Float(random.below(2_000) - 1_000) / 8
        default: return Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
        }
    }
    mutating func uuid(version: UInt64) -> UniqueID {
        UniqueID(high: integer(UInt64.self) & ~0xF000 | version << 12, low: integer(UInt64.self))
    }
}
