/// The target of a request: a path and a query, decoded once and strictly.
struct Target: Sendable {
    var path: [String]
    var query: Query

    /// `nil` for anything but an origin-form target (`/a/b?c=d`) of well-formed escapes and UTF-8.
    init?(_ raw: String) {
        let bytes = Array(raw.utf8)
        guard bytes.first == UInt8(ascii: "/"), bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "#") })
        else { return nil }
        let mark = bytes.firstIndex(of: UInt8(ascii: "?"))
        var path: [String] = []
        for segment in bytes[1..<(mark ?? bytes.count)].split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: true)
        {
            guard let text = Target.decode(segment, plusIsSpace: false), text != ".", text != ".." else { return nil }
            path.append(text)
        }
        self.path = path
        query = Query()
        guard let mark else { return }
        for pair in bytes[(mark + 1)...].split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: true) {
            let equals = pair.firstIndex(of: UInt8(ascii: "="))
            guard let name = Target.decode(pair[..<(equals ?? pair.endIndex)], plusIsSpace: true),
                let value = equals.map({ Target.decode(pair[($0 + 1)...], plusIsSpace: true) }) ?? ""
            else { return nil }
            query.add(name, value)
        }
    }

    private static func decode(_ bytes: ArraySlice<UInt8>, plusIsSpace: Bool) -> String? {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            switch bytes[index] {
            case UInt8(ascii: "%"):
                guard bytes.endIndex - index > 2, let high = digit(bytes[index + 1]), let low = digit(bytes[index + 2])
                else { return nil }
                let byte = high << 4 | low
                if byte == 0 { return nil }
                decoded.append(byte)
                index += 3
            case UInt8(ascii: "+") where plusIsSpace:
                decoded.append(0x20)
                index += 1
            default:
                decoded.append(bytes[index])
                index += 1
            }
        }
        return String(validating: decoded, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
