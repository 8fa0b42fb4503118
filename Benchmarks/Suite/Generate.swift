import BenchmarkData
import MillraceCore

/// `millrace-bench generate ads|nexmark DIRECTORY EVENTS`: writes the data that peers read.
enum Generate {
    static let usage = "write: generate ads|nexmark DIRECTORY EVENTS"

    static func run(_ words: [String], storage: any Storage) throws {
        guard words.count == 3, let events = Int64(words[2]), events >= 0 else {
            throw Failure(.invalidArgument, usage)
        }
        let directory = words[1]
        if try storage.status(of: directory) == nil { try storage.makeDirectory(directory) }
        switch words[0] {
        case "ads":
            let stream = AdEvents.benchmark
            let campaigns = stream.ads.enumerated().map { index, ad in
                "\(ad.text),\(stream.campaignIDs[index / AdEvents.adsPerCampaign].text)\n"
            }
            try storage.replace(directory + "/campaigns.csv", with: Array(campaigns.joined().utf8))
            try lines(directory, events, storage) { number, out in stream.write(stream.event(number), to: &out) }
        case "nexmark":
            let stream = Nexmark.benchmark
            try lines(directory, events, storage) { number, out in
                stream.event(number).write(to: &out)
                out.byte(UInt8(ascii: "\n"))
            }
        default: throw Failure(.invalidArgument, usage)
        }
    }

    /// `events.ndjson`, which is there under its name only when it is whole.
    private static func lines(
        _ directory: String, _ events: Int64, _ storage: any Storage, _ write: (Int64, inout ByteWriter) -> Void
    ) throws {
        let file = try storage.open(directory + "/events.ndjson.part", .create)
        defer { file.close() }
        try file.truncate(to: 0)
        var out = ByteWriter(capacity: 1 << 20)
        var position: Int64 = 0
        func flush() throws {
            try out.bytes.withUnsafeBytes { try file.write($0, at: position) }
            position += Int64(out.count)
            out.removeAll()
        }
        for number in 0..<events {
            write(number, &out)
            if out.count > 1 << 19 { try flush() }
        }
        try flush()
        try storage.rename(directory + "/events.ndjson.part", to: directory + "/events.ndjson")
    }
}
