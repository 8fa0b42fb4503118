public import MillraceCore

extension CalendarZone {
    /// Reads a zone from the system's time zone files. Blocks; call it where the pipeline is configured.
    /// - Parameters:
    ///   - name: as in `Europe/Berlin`. `UTC` needs no file.
    ///   - directory: where the files are.
    /// - Throws: `.notFound` when there is no such zone on this machine, `.corrupt` when its file cannot be read.
    public static func named(
        _ name: String, storage: any Storage, directory: String = "/usr/share/zoneinfo"
    ) throws(Failure) -> CalendarZone {
        if name == "UTC" || name == "Etc/UTC" { return .utc }
        let isPlain = name.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "+"),
                UInt8(ascii: "/"):
                true
            default: false
            }
        }
        guard isPlain, !name.isEmpty, !name.hasPrefix("/") else {
            throw Failure(
                .invalidArgument, "\"\(name)\" is not a time zone's name", advice: "Write it as in Europe/Berlin")
        }
        let path = "\(directory)/\(name)"
        let bytes: [UInt8]?
        do throws(IOFault) {
            bytes = try contents(of: path, in: storage)
        } catch {
            throw Failure(error, "the time zone \(name) cannot be read")
        }
        guard let bytes else {
            throw Failure(
                .notFound, "there is no time zone \(name) on this machine",
                advice: "Check the name, or install the time zone files (tzdata); UTC and fixed offsets need none",
                place: path)
        }
        do throws(ByteFault) {
            return try bytes.lending { (lent) throws(ByteFault) in try TZif.read(lent, name: name) }
        } catch {
            throw Failure(
                .corrupt, "the time zone file of \(name) cannot be read",
                advice: "Install the time zone files (tzdata) again", place: path, cause: error)
        }
    }

    /// The bytes of a zone's file; `nil` when there is none. Many names are symbolic links to others.
    private static func contents(of path: String, in storage: any Storage) throws(IOFault) -> [UInt8]? {
        guard let status = try storage.status(of: path), status.kind != .directory else { return nil }
        let file = try storage.open(path, .readLinked)
        defer { file.close() }
        let size = try file.size()
        guard size <= Int64(Limits.zoneBytes) else { throw IOFault(.read, path: path, errno: IOFault.tooLarge) }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        let count = try bytes.reading { (buffer) throws(IOFault) in try file.read(into: buffer, at: 0) }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}

extension Limits {
    /// Bytes of a time zone file; the largest in use is 4 KB.
    static let zoneBytes = 1 << 20
    /// Changes and kinds of local time in one file; zones in use have some 250 and 20.
    static let zoneChanges = 10_000
}

/// The file format of RFC 8536: a version 1 block that we skip, a version 2 block with 64-bit times, and a rule for the
/// time after the last change.
enum TZif {
    static func read(_ bytes: UnsafeRawBufferPointer, name: String) throws(ByteFault) -> CalendarZone {
        var reader = ByteReader(bytes)
        let first = try Header(&reader)
        guard first.version >= 2 else { throw ByteFault(.unknownValue, at: 4) }
        try reader.skip(first.bytes(timeSize: 4))
        let header = try Header(&reader)
        // Files with leap seconds count time in another way.
        guard header.leaps == 0 else { throw ByteFault(.unknownValue, at: reader.position) }
        var times: [Int64] = []
        for _ in 0..<header.times { times.append(try reader.integer()) }
        var kinds: [Int] = []
        for _ in 0..<header.times { kinds.append(Int(try reader.byte())) }
        var offsets: [Int32] = []
        for _ in 0..<header.types {
            let offset = try reader.integer(Int32.self)
            guard offset.magnitude < 26 * 3_600 else { throw ByteFault(.unknownValue, at: reader.position) }
            offsets.append(offset)
            try reader.skip(2)
        }
        try reader.skip(header.characters + header.standards + header.universals)
        let rule = try footer(&reader)

        var changes: [Int64] = [.min]
        guard let before = offsets.first else { throw ByteFault(.impossibleCount, at: 0) }
        var after: [Int32] = [before]
        for (time, kind) in zip(times, kinds) {
            guard kind < offsets.count, time > changes[changes.count - 1] else {
                throw ByteFault(.unknownValue, at: reader.position)
            }
            changes.append(time)
            after.append(offsets[kind])
        }
        var repeatsFrom = Int64.max
        if let rule {
            let last = changes.count > 1 ? changes[changes.count - 1] : 0
            let year = CivilDate(daysSince1970: last.flooredDivision(by: 86_400)).year
            // The year of the last change and a whole cycle: then everything was there once.
            for year in year...year + 401 {
                for change in rule.changes(in: year) where change.time > changes[changes.count - 1] {
                    changes.append(change.time)
                    after.append(change.offset)
                }
            }
            if rule.summer == nil {
                // One offset for ever. When the last change has another, the file is at odds with itself.
                if after[after.count - 1] != rule.standard { throw ByteFault(.unknownValue, at: reader.position) }
            } else {
                repeatsFrom = CivilDate(year: year + 1, month: 1, day: 1).daysSince1970 * 86_400
            }
        }
        return CalendarZone(name: name, changes: changes, offsets: after, repeatsFrom: repeatsFrom)
    }

    private struct Header {
        let version: Int
        let universals: Int, standards: Int, leaps: Int, times: Int, types: Int, characters: Int

        init(_ reader: inout ByteReader) throws(ByteFault) {
            let start = reader.position
            guard try reader.integer(UInt32.self) == 0x545A_6966 else { throw ByteFault(.unknownValue, at: start) }
            let digit = try reader.byte()
            version = digit == 0 ? 1 : Int(digit) - Int(UInt8(ascii: "0"))
            try reader.skip(15)
            func count(_ reader: inout ByteReader) throws(ByteFault) -> Int {
                try reader.checked(
                    count: try reader.integer(UInt32.self), minimumElementBytes: 1, limit: Limits.zoneChanges)
            }
            universals = try count(&reader)
            standards = try count(&reader)
            leaps = try count(&reader)
            times = try count(&reader)
            types = try count(&reader)
            characters = try count(&reader)
        }
        func bytes(timeSize: Int) -> Int {
            times * (timeSize + 1) + types * 6 + characters + leaps * (timeSize + 4) + standards + universals
        }
    }

    /// The rule between two newlines at the end; none when it is empty.
    private static func footer(_ reader: inout ByteReader) throws(ByteFault) -> ZoneRule? {
        guard try reader.byte() == 0x0A else { throw ByteFault(.unknownValue, at: reader.position) }
        var text: [UInt8] = []
        while true {
            let byte = try reader.byte()
            if byte == 0x0A { break }
            text.append(byte)
        }
        if text.isEmpty { return nil }
        guard let rule = ZoneRule(text) else { throw ByteFault(.unknownValue, at: reader.position) }
        return rule
    }
}
