import BenchmarkData
import BenchmarkHarness
import LogBenchmark
import MillraceCore

/// Every workload. One file per subject adds its own list.
enum Suite {
    static let all: [Workload] =
        coreWorkloads + recordWorkloads + logWorkloads + tableWorkloads + flowWorkloads + keyedWorkloads
}

private let coreWorkloads: [Workload] = [
    Workload(
        "core.crc32c", unit: "byte", small: 16 << 20, full: 256 << 20, allocationGate: 1, goal: "≤ 0.25×",
        control: ("table", { bytes in crc(bytes, CRC32C.portable) }),
        run: { bytes in crc(bytes) { CRC32C.of($0, continuing: $1) } }
    ),
    Workload(
        "data.ad-events", unit: "event", small: 100_000, full: 1_000_000,
        run: { events in
            var stream = AdEvents.benchmark
            var out = ByteWriter(capacity: 1 << 20)
            var hash: UInt32 = 0
            for _ in 0..<events {
                stream.write(stream.next(), to: &out)
                if out.count > 1 << 19 {
                    hash = out.bytes.withUnsafeBytes { CRC32C.of($0, continuing: hash) }
                    out.removeAll()
                }
            }
            hash = out.bytes.withUnsafeBytes { CRC32C.of($0, continuing: hash) }
            return .init(units: events, hash: UInt64(hash))
        }),
]

/// One pass over `bytes` bytes, in blocks of 64 KiB that stay in the cache.
private func crc(_ bytes: Int, _ checksum: (UnsafeRawBufferPointer, UInt32) -> UInt32) -> Workload.Outcome {
    let block = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
        for i in 0..<65_536 { buffer[i] = UInt8(truncatingIfNeeded: i &* 31) }
        count = 65_536
    }
    var crc: UInt32 = 0
    block.withUnsafeBytes { for _ in 0..<bytes / 65_536 { crc = checksum($0, crc) } }
    return .init(units: bytes, hash: UInt64(crc))
}
