import Foundation

/// A text file of the repository, with its code apart from its comments and string literals.
struct SourceFile: Sendable {
    /// From the root of the repository.
    let path: String
    let lines: [String]
    /// The lines with comments and the insides of string literals blanked, so that a word in either is not code.
    let code: [String]

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
        let isSwift = path.hasSuffix(".swift")
        code =
            isSwift
            ? Self.codeOnly(text).split(separator: "\n", omittingEmptySubsequences: false).map { String($0) } : lines
    }

    func isIn(_ folders: String...) -> Bool { folders.contains { path.hasPrefix($0 + "/") || path == $0 } }

    /// Enough of a lexer for Swift: nested block comments, escapes, multi-line and raw strings. Interpolations count as
    /// string, which hides what is called inside them; no rule needs that.
    private static func codeOnly(_ text: String) -> String {
        let bytes = Array(text.utf8)
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var i = 0
        func starts(_ word: String, at index: Int) -> Bool {
            var place = index
            for byte in word.utf8 {
                guard place < bytes.count, bytes[place] == byte else { return false }
                place += 1
            }
            return true
        }
        func blank(to end: Int) {
            while i < min(end, bytes.count) {
                out.append(bytes[i] == UInt8(ascii: "\n") ? bytes[i] : UInt8(ascii: " "))
                i += 1
            }
        }
        while i < bytes.count {
            if starts("//", at: i) {
                var end = i
                while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
                blank(to: end)
            } else if starts("/*", at: i) {
                var (end, depth) = (i + 2, 1)
                while end < bytes.count, depth > 0 {
                    if starts("/*", at: end) {
                        (depth, end) = (depth + 1, end + 2)
                    } else if starts("*/", at: end) {
                        (depth, end) = (depth - 1, end + 2)
                    } else {
                        end += 1
                    }
                }
                blank(to: end)
            } else if bytes[i] == UInt8(ascii: "\"") || bytes[i] == UInt8(ascii: "#") {
                var hashes = 0
                while i + hashes < bytes.count, bytes[i + hashes] == UInt8(ascii: "#") { hashes += 1 }
                guard i + hashes < bytes.count, bytes[i + hashes] == UInt8(ascii: "\"") else {
                    out.append(bytes[i])
                    i += 1
                    continue
                }
                let marks = String(repeating: "#", count: hashes)
                let quote = starts("\"\"\"", at: i + hashes) ? "\"\"\"" : "\""
                var end = i + hashes + quote.utf8.count
                while end < bytes.count, !starts(quote + marks, at: end) {
                    end += starts("\\" + marks, at: end) ? 2 + hashes : 1
                }
                blank(to: end + quote.utf8.count + hashes)
            } else {
                out.append(bytes[i])
                i += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}

/// The files of the repository that the rules look at.
enum Repository {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static let files: [SourceFile] = {
        var files = [file("Package.swift")]
        for folder in ["Sources", "Tests", "Benchmarks", "samples"] {
            let names = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)
            for case let name as String in names ?? FileManager.DirectoryEnumerator() {
                let isHidden = name.split(separator: "/").contains { $0.hasPrefix(".") || $0 == "node_modules" }
                if isHidden || !["swift", "c", "h", "cpp"].contains((name as NSString).pathExtension) { continue }
                files.append(file(folder + "/" + name))
            }
        }
        return files.sorted { $0.path < $1.path }
    }()

    static func file(_ path: String) -> SourceFile { SourceFile(path: path, text: text(path) ?? "") }
    static func text(_ path: String) -> String? {
        try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }
    static func folders(in path: String) -> [String] {
        let url = root.appendingPathComponent(path)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
        return names.filter { name in
            var isDirectory: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: url.appendingPathComponent(name).path, isDirectory: &isDirectory)
            return isDirectory.boolValue && !name.hasPrefix(".")
        }.sorted()
    }
}

extension Repository {
    static func names(in folder: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    }
}
