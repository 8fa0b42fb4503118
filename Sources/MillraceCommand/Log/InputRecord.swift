import MillraceCore
import MillraceLog
import MillraceTables

/// How a line of input becomes a record.
struct InputForm {
    enum Key {
        case none
        /// The member of this name in the line's JSON object.
        case member(String)
        /// What stands in front of the first of these bytes; the value is what stands behind.
        case separator([UInt8])
    }
    var key = Key.none
    /// The member that holds the record's time.
    var timeMember: String?
    /// Lines are what `read --json` prints.
    var isEnvelope = false

    struct Record {
        var key: [UInt8]?
        var value: [UInt8]?
        var milliseconds: Int64?
        var headers: [RecordHeader] = []
        var partition: Int?
    }

    /// A line that is its own value and needs no look inside.
    var isPlain: Bool {
        if case .none = key { return timeMember == nil && !isEnvelope }
        return false
    }

    /// - Parameter file: where the line is from, `-` for standard input.
    func record(_ line: UnsafeRawBufferPointer, number: Int, of file: String) throws(Failure) -> Record {
        do throws(LineFault) { return try record(line) } catch {
            throw Failure(
                .invalidArgument, "line \(number) of \(file == "-" ? "the input" : "'\(file)'") \(error.what)",
                advice: "Lines before it were appended")
        }
    }
    private struct LineFault: Error { var what: String }

    private func record(_ line: UnsafeRawBufferPointer) throws(LineFault) -> Record {
        if isEnvelope { return try envelope(try members(of: line)) }
        var record = Record(value: Array(line))
        switch key {
        case .none: break
        case .separator(let separator):
            guard let range = Self.first(separator, in: line) else {
                throw Self.fault("has no '\(String(decoding: separator, as: UTF8.self))'")
            }
            record.key = Array(line[..<range.lowerBound])
            record.value = Array(line[range.upperBound...])
        case .member(let name):
            record.key = try Self.bytes(try member(name, of: try members(of: line)), name)
        }
        if let timeMember {
            let node = try member(timeMember, of: try members(of: line))
            record.milliseconds = try Self.milliseconds(node, timeMember)
        }
        return record
    }

    private typealias Members = [(key: String, value: JSONTree)]

    private func members(of line: UnsafeRawBufferPointer) throws(LineFault) -> Members {
        let tree: JSONTree
        do throws(TextFault) { tree = try JSONParser.parse(line) } catch {
            throw Self.fault("is not JSON: \(error.message) at column \(error.column)")
        }
        guard case .object(let members) = tree.node else { throw Self.fault("is no JSON object") }
        return members
    }
    private func member(_ name: String, of members: Members) throws(LineFault) -> JSONTree.Node {
        guard let found = members.first(where: { $0.key == name }) else {
            throw Self.fault("has no member '\(name)'")
        }
        return found.value.node
    }

    private func envelope(_ members: Members) throws(LineFault) -> Record {
        var record = Record()
        for (name, tree) in members {
            switch name {
            case "key", "value":
                let bytes = try Self.bytes(tree.node, name)
                if name == "key" { record.key = bytes } else { record.value = bytes }
            case "key64", "value64":
                guard case .text(let text) = tree.node, let bytes = Base64.bytes(text) else {
                    throw Self.fault("has a \(name) that is not base 64")
                }
                if name == "key64" { record.key = bytes } else { record.value = bytes }
            case "timestamp": record.milliseconds = try Self.milliseconds(tree.node, name)
            case "partition":
                guard case .number(let text) = tree.node, let partition = Int(text) else {
                    throw Self.fault("has a partition that is no number")
                }
                record.partition = partition
            case "headers":
                guard case .object(let headers) = tree.node else {
                    throw Self.fault("has headers of no object")
                }
                for header in headers {
                    record.headers.append(
                        RecordHeader(header.key, try Self.bytes(header.value.node, header.key)))
                }
            case "offset": break
            default: throw Self.fault("has an unknown member '\(name)'")
            }
        }
        return record
    }

    /// Text as its bytes, null as null, a number or flag as its text; other JSON is not a key.
    private static func bytes(_ node: JSONTree.Node, _ name: String) throws(LineFault) -> [UInt8]? {
        switch node {
        case .null: nil
        case .text(let text), .number(let text): Array(text.utf8)
        case .flag(let flag): Array((flag ? "true" : "false").utf8)
        case .array, .object: throw fault("has a '\(name)' that is neither text nor a number")
        }
    }
    private static func milliseconds(_ node: JSONTree.Node, _ name: String) throws(LineFault) -> Int64 {
        switch node {
        case .text(let text), .number(let text):
            if let time = CivilTime.parse(text) { return time.flooredMilliseconds }
        default: break
        }
        throw fault("has a '\(name)' that is no time")
    }
    private static func fault(_ what: String) -> LineFault { LineFault(what: what) }
    private static func first(_ separator: [UInt8], in line: UnsafeRawBufferPointer) -> Range<Int>? {
        guard line.count >= separator.count else { return nil }
        for start in 0...line.count - separator.count
        where line[start..<start + separator.count].elementsEqual(separator) {
            return start..<start + separator.count
        }
        return nil
    }
}
