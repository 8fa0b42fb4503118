import MillraceCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

enum Terminal {
    static func out(_ text: String) { write(text, to: 1) }
    /// Progress, for people only.
    static func note(_ text: String) { write(text + "\n", to: 2) }
    static func exit(_ code: Int32, _ text: String) -> Never {
        note("millrace-bench: " + text)
        _exit(code)
    }
    /// The whole end: what runs at exit tidies up.
    static func end() -> Never {
        systemExit(0)
    }

    /// A new directory of our own, for the caller to remove.
    static func temporaryDirectory() throws -> String {
        // `mkdtemp` wants six of this letter, and puts its own in their place.
        var template = Array(("/tmp/millrace-bench." + String(repeating: "X", count: 6)).utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Failure(.io, "no directory can be made in /tmp", advice: "Make room there")
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }
}

/// `write` by a name that the method above does not hide.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}

private func systemExit(_ code: Int32) -> Never { exit(code) }
