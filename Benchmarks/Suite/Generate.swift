import BenchmarkData
import MillraceCore

/// `millrace-bench generate DIRECTORY EVENTS`: writes the data that the peers read.
enum Generate {
    /// `events.ndjson` with the seeded stream and `campaigns.csv` with `ad,campaign` lines.
    static func ads(_ directory: String, events: Int, storage: any Storage) throws {
        var stream = AdEvents(seed: 1, start: .seconds(1_700_000_000), eventsPerSecond: 10_000)
        let campaigns = stream.ads.enumerated().map { index, ad in
            "\(ad.text),\(stream.campaignIDs[index / AdEvents.adsPerCampaign].text)\n"
        }
        if try storage.status(of: directory) == nil { try storage.makeDirectory(directory) }
        try storage.replace(directory + "/campaigns.csv", with: Array(campaigns.joined().utf8))
        let file = try storage.open(directory + "/events.ndjson.part", .create)
        defer { file.close() }
        try file.truncate(to: 0)
        var out = ByteWriter(capacity: 1 << 20)
        var position: Int64 = 0
        for number in 1...max(1, events) {
            if events > 0 { stream.write(stream.next(), to: &out) }
            if out.count > 1 << 19 || number == max(1, events) {
                try out.bytes.withUnsafeBytes { try file.write($0, at: position) }
                position += Int64(out.count)
                out.removeAll()
            }
        }
        try storage.rename(directory + "/events.ndjson.part", to: directory + "/events.ndjson")
    }
}
