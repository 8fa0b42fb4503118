import CRocksDB
import MillraceCore

/// Every call into RocksDB that can fail goes through here, and nowhere else is an `errptr` looked at or freed.
func calling<R>(
    _ what: StaticString, at place: String, file: StaticString = #fileID, line: UInt = #line,
    _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> R
) throws(Failure) -> R {
    var message: UnsafeMutablePointer<CChar>?
    let result = body(&message)
    guard let message else { return result }
    let text = String(cString: message)
    rocksdb_free(message)
    throw Failure(rocksdb: text, doing: what, place: place, file: file, line: line)
}

extension Failure {
    /// RocksDB hands out its status as text alone; its first words are the code.
    init(
        rocksdb status: String, doing what: StaticString, place: String, file: StaticString = #fileID,
        line: UInt = #line
    ) {
        let kind = RocksStatus(status)
        self.init(
            kind.code, "\(what): \(status)", advice: kind.advice, place: place, isRetriable: kind == .diskFull,
            isFatal: kind.fences, file: file, line: line)
    }
}

/// What a status text of RocksDB means to us.
enum RocksStatus {
    case diskFull, locked, io, corrupt, invalid, missing, closing, other

    init(_ status: String) {
        if status.contains("No space left") || status.contains("Disk quota") || status.contains("File too large")
            || status.hasPrefix("IO error: No space")
        {
            self = .diskFull
        } else if status.contains("/LOCK: Resource temporarily unavailable")
            || status.contains("/LOCK: No locks available")
        {
            self = .locked
        } else if status.hasPrefix("Corruption") {
            self = .corrupt
        } else if status.hasPrefix("IO error") || status.contains(": IO error: ") {
            // The second: at open RocksDB wraps what it met into "Invalid argument".
            self = status.contains("No such file") ? .missing : .io
        } else if status.hasPrefix("Invalid argument") {
            self = .invalid
        } else if status.hasPrefix("Shutdown in progress") {
            self = .closing
        } else {
            self = .other
        }
    }

    var code: Failure.Code {
        switch self {
        case .diskFull: .diskFull
        case .locked: .inUse
        case .io, .other: .io
        case .corrupt: .corrupt
        case .invalid: .incompatible
        case .missing: .corrupt
        case .closing: .closed
        }
    }

    /// After these the handle must not be written through again: close it and open the store anew.
    var fences: Bool {
        switch self {
        case .diskFull, .io, .corrupt, .missing, .other: true
        case .locked, .invalid, .closing: false
        }
    }

    var advice: String {
        switch self {
        case .diskFull: "Free space on the volume, then call reopen; reads go on meanwhile"
        case .locked: "Another process has these tables open; stop it or choose another directory"
        case .io: "Check the volume and its permissions, then call reopen"
        case .corrupt: "Restore the newest snapshot, or copy the directory away before any repair"
        case .missing: "A file of the store is gone; restore the newest snapshot"
        case .invalid: "The files are not a table store of this version"
        case .closing, .other: "Call reopen"
        }
    }
}
