internal import MillraceCore

/// What names may be. Keyspaces, tables and user types are words; columns may be anything short that was quoted.
enum Names {
    static func check(_ name: String, of what: String) throws(Failure) {
        let isWord = name.utf8.allSatisfy { isWordByte($0) }
        guard isWord, (1...Limits.nameCharacters).contains(name.utf8.count) else {
            throw Failure(
                .invalidSchema,
                "\(what) name \(quoted(name)) is not 1 to \(Limits.nameCharacters) letters, digits or _",
                place: what)
        }
    }

    static func check(column name: String) throws(Failure) {
        guard (1...Limits.columnNameBytes).contains(name.utf8.count), !name.utf8.contains(where: { $0 < 0x20 }) else {
            throw Failure(
                .invalidSchema,
                "column name \(quoted(name)) is not 1 to \(Limits.columnNameBytes) bytes without control characters")
        }
    }

    static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// Needs no quotes in CQL: lower case, starts with a letter.
    static func isPlain(_ name: String) -> Bool {
        guard let first = name.utf8.first, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first) else { return false }
        return name.utf8.allSatisfy { isWordByte($0) && !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
    }

    /// As CQL writes it, in double quotes only where they are needed.
    static func cql(_ name: String) -> String { isPlain(name) ? name : quoted(name) }

    static func quoted(_ name: String) -> String {
        var text = "\""
        for scalar in name.unicodeScalars { text += scalar == "\"" ? "\"\"" : String(scalar) }
        return text + "\""
    }
}
