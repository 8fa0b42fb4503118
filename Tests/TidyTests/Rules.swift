import Foundation

/// One thing that every file has to keep to, with a file that does not.
struct Rule: Sendable, CustomStringConvertible {
    let name: String
    /// A file that breaks the rule, in memory: proves that the rule can fail.
    let canary: SourceFile
    /// The same done right.
    let decent: SourceFile
    /// Files that may break it, each with the reason.
    var exceptions: [String: String] = [:]
    /// What is wrong, by line from 1.
    let offences: @Sendable (SourceFile) -> [(line: Int, what: String)]

    var description: String { name }

    func complaints(about file: SourceFile) -> [String] {
        if exceptions[file.path] != nil { return [] }
        return offences(file).map { "\(file.path):\($0.line): \(name): \($0.what)" }
    }
}

extension Rule {
    static let all: [Rule] = [
        columns, fileLength, foundation, words, prints, seams, randomness, leftovers, sendable, testing, manifest,
    ]

    static let columns = Rule(
        name: "lines of at most 120 columns",
        canary: SourceFile(path: "Sources/X/a.swift", text: "let a = 1\n// " + String(repeating: "é", count: 118)),
        decent: SourceFile(path: "Sources/X/a.swift", text: "// " + String(repeating: "é", count: 117)),
        exceptions: [:]
    ) { file in
        file.lines.enumerated().filter { $0.element.count > 120 }.map { ($0.offset + 1, "\($0.element.count) columns") }
    }

    static let fileLength = Rule(
        name: "files of at most 500 lines",
        canary: SourceFile(path: "Sources/X/a.swift", text: String(repeating: "\n", count: 501)),
        decent: SourceFile(path: "Sources/X/a.swift", text: String(repeating: "\n", count: 500)),
        exceptions: [:]
    ) { file in
        // A newline at the end makes no line.
        let count = file.lines.last == "" ? file.lines.count - 1 : file.lines.count
        return count > 500 ? [(501, "\(count) lines")] : []
    }

    static let foundation = Rule(
        name: "no Foundation in Sources",
        canary: SourceFile(path: "Sources/X/a.swift", text: "internal import FoundationEssentials\n"),
        decent: SourceFile(path: "Sources/X/a.swift", text: "// import Foundation\nlet a = \"import Foundation\"")
    ) { file in
        guard file.isIn("Sources") else { return [] }
        return matches(in: file, of: #"\bimport\s+(struct\s+|class\s+|func\s+)?Foundation"#)
    }

    /// Ways to crash, to lose errors, or to run on threads that are not ours.
    static let words = Rule(
        name: "no try!, as!, fatalError, DispatchQueue, Task.detached in product targets",
        canary: SourceFile(
            path: "Sources/X/a.swift",
            text: "let a = try! f()\nlet b = c as! D\nfatalError()\nDispatchQueue.main\nTask.detached {}\n"),
        decent: SourceFile(
            path: "Sources/X/a.swift", text: "// try! nothing\nlet a = try? f() as? D\nlet dispatchQueue = 1")
    ) { file in
        guard file.isIn("Sources") else { return [] }
        return matches(in: file, of: #"\b(try!|as!|fatalError\b|DispatchQueue\b|Task\.detached\b)"#)
    }

    static let prints = Rule(
        name: "no print in product targets",
        canary: SourceFile(path: "Sources/X/a.swift", text: "    print(\"x\")\n    debugPrint(a)\n"),
        decent: SourceFile(path: "Sources/X/a.swift", text: "out.print(\"x\")\nfunc print(to x: Int) {}\nfootprint(1)")
    ) { file in
        guard file.isIn("Sources") else { return [] }
        // A file that defines a function of the name calls that one.
        let names = ["print", "debugPrint", "dump"].filter { name in
            !file.code.contains { $0.contains("func \(name)(") }
        }
        if names.isEmpty { return [] }
        return matches(in: file, of: #"(?<![.\w])(\#(names.joined(separator: "|")))\("#)
    }

    /// The operating system's clock, files and randomness are reached through the seams of MillraceCore only.
    static let seams = Rule(
        name: "no clock, file or random calls of the system outside the seams",
        canary: SourceFile(
            path: "Sources/X/a.swift",
            text: "internal import Glibc\nclock_gettime(a, &t)\nlet f = open(path, O_RDONLY)\nmr_fdatasync(f)\n"),
        decent: SourceFile(
            path: "Sources/X/a.swift",
            text: "internal import Glibc\nlet f = try storage.open(path, .read)\nfunc open(x: Int) {}\n"),
        exceptions: [
            "Sources/MillraceEngine/Control/ControlServer.swift": "reads and writes a local socket, not a file",
            "Sources/MillraceCommand/Output/SystemProcess.swift": "the tool's standard input and output",
            "Sources/MillraceEngine/App/TextOutput.swift": "the program's standard output and error",
            "Sources/MillraceEngine/Edges/HostInput.swift": "the program's standard input",
            "Sources/MillraceRuntime/Guard/BlamePage.swift": "a shared page written while the process crashes",
        ]
    ) { file in
        guard file.isIn("Sources"), !file.isIn("Sources/MillraceCore", "Sources/CPlatform"),
            file.code.contains(where: {
                $0.contains("import Glibc") || $0.contains("import Darwin") || $0.contains("import CPlatform")
            })
        else { return [] }
        let calls = [
            "clock_gettime", "gettimeofday", "clock", "time", "nanosleep", "usleep", "sleep", "open", "openat", "creat",
            "fopen", "pread", "pwrite", "read", "write", "fsync", "fdatasync", "rename", "unlink", "link", "mkdir",
            "rmdir",
            "opendir", "stat", "lstat", "fstat", "statvfs", "mmap", "ftruncate", "flock", "random", "rand",
            "arc4random",
            "getentropy", "getrandom", "mr_open", "mr_open_directory", "mr_fdatasync", "mr_preallocate",
            "mr_lock_exclusive",
        ].joined(separator: "|")
        return matches(in: file, of: #"(?<![.\w`])(?<!func )("# + calls + #")\("#)
    }

    static let randomness = Rule(
        name: "no clock or randomness of the standard library outside the seams",
        canary: SourceFile(
            path: "Sources/X/a.swift",
            text: "ContinuousClock()\nInt.random(in: 0..<3)\nx.shuffled()\nx.randomElement()\nTask.sleep(for: a)\n"),
        decent: SourceFile(
            path: "Sources/X/a.swift",
            text: "Int.random(in: 0..<3, using: &random)\nx.shuffled(using: &r)\ntry await clock.sleep(for: a)\n"),
        exceptions: [
            "Sources/MillraceCore/Process/HostProcess.swift": "is the seam: where a node's seed comes from"
        ]
    ) { file in
        guard file.isIn("Sources") else { return [] }
        return matches(
            in: file,
            of: #"\b(ContinuousClock|SuspendingClock|SystemRandomNumberGenerator|Task\.sleep|Date\(\))|"#
                + #"\.random\(in:(?!.*using:)|\.(shuffled|shuffle|randomElement|random)\(\)"#)
    }

    static let leftovers = Rule(
        name: "no TODO, FIXME, XXX or HACK",
        canary: SourceFile(path: "Tests/X/a.swift", text: "// " + "TO" + "DO: later\n"),
        decent: SourceFile(path: "Tests/X/a.swift", text: "// to do it later\n")
    ) { file in
        // This folder names them to look for them.
        guard !file.isIn("Tests/TidyTests") else { return [] }
        return matches(in: file, of: #"\b(TODO|FIXME|XXX|HACK)\b"#, comments: true)
    }

    /// A promise the compiler cannot check needs its reason, on the lines around it.
    static let sendable = Rule(
        name: "every @unchecked Sendable says because of what",
        canary: SourceFile(
            path: "Sources/X/a.swift",
            text: "// It is fine.\nfinal class A: @unchecked Sendable {\n    let a = 1\n}\n\n\n\n\n// because\n"),
        decent: SourceFile(
            path: "Sources/X/a.swift",
            text: "final class A: @unchecked Sendable {\n    // Sendable because a lock guards it.\n}")
    ) { file in
        file.code.indices.filter { file.code[$0].contains("@unchecked Sendable") }.filter { index in
            let around = file.lines[max(0, index - 8)...min(file.lines.count - 1, index + 4)]
            return !around.contains { $0.contains("because") || $0.contains("Because") }
        }.map { ($0 + 1, "no sentence with \"because\" near it") }
    }

    static let testing = Rule(
        name: "Swift Testing, not XCTest",
        canary: SourceFile(path: "Tests/X/a.swift", text: "import XCTest\n"),
        decent: SourceFile(path: "Tests/X/a.swift", text: "import Testing\n")
    ) { matches(in: $0, of: #"\bimport XCTest\b"#) }

    /// A package with unsafe flags cannot be depended on by version.
    static let manifest = Rule(
        name: "no unsafe flags and no outside packages in the manifest",
        canary: SourceFile(
            path: "Package.swift", text: "swiftSettings: [.unsafeFlags([])]\n.package(url: a, from: b)\n"),
        decent: SourceFile(path: "Package.swift", text: "// no unsafeFlags\nlet package = Package(name: a)\n")
    ) { file in
        file.path == "Package.swift" ? matches(in: file, of: #"\bunsafeFlags\b|\.package\("#) : []
    }
}

/// Where a pattern occurs in the code of a file, or with `comments` anywhere in it.
private func matches(in file: SourceFile, of pattern: String, comments: Bool = false) -> [(line: Int, what: String)] {
    guard let regex = try? NSRegularExpression(pattern: pattern) else {
        preconditionFailure("\(pattern) is not a regular expression")
    }
    return (comments ? file.lines : file.code).enumerated().compactMap { index, line in
        let whole = NSRange(line.startIndex..., in: line)
        guard let match = regex.firstMatch(in: line, range: whole), let range = Range(match.range, in: line) else {
            return nil
        }
        return (index + 1, String(line[range]))
    }
}
