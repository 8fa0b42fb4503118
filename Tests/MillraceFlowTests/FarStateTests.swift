import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

private struct Local: Pipeline {
    var body: some Flow<Click, Pane<String, Int>> {
        Events<Click>().keyed().window(.tumbling(.seconds(10)), at: \.at).sum(\.amount)
    }
}
/// Tables larger than the caches are reached some records ahead; nothing but speed may follow from it.
@Suite struct FarStateTests {
    private func click(_ n: Int, _ keys: Int) -> Click {
        Click(page: "\(n &* 7919 % keys)", amount: n % 13, at: .microseconds(Int64(n) * 300))
    }
    @Test func manyKeysOfRawAndTypedRecords() throws {
        let keys = 30_000
        let clicks = (0..<60_000).map { click($0, keys) }
        for isTyped in [true, false] {
            let results = ValueBuffer<Pane<String, Int>>()
            let kernel = try Plan(values: Local(), into: results).stages[0].makeKernel(KernelOptions(seed: 3))
            var out = StageOutput()
            var start = 0
            while start < clicks.count {
                let batch = Array(clicks[start..<min(start + 1_000, clicks.count)])
                if isTyped {
                    batch.withUnsafeBufferPointer {
                        kernel.values(of: Click.self)?.process($0, at: .distantPast, into: &out)
                    }
                } else {
                    // One byte is no click: a bad record in the middle of what is read ahead.
                    lend(batch.map { encoded($0) } + [[1]]) { _ = kernel.process($0, into: &out) }
                }
                start += 1_000
            }
            #expect(kernel.stateBytes > Limits.nearBytes)
            #expect(out.bad.count == (isTyped ? 0 : 60))
            #expect(out.bad.allSatisfy { $0.offset == 1_000 && $0.cause == .undecodable })
            kernel.advance(to: .distantFuture, into: &out)
            var expected: [String: Int] = [:]
            for click in clicks {
                expected["\(click.at.microseconds / 10_000_000) \(click.page)", default: 0] += click.amount
            }
            var found: [String: Int] = [:]
            for (pane, _) in results.values {
                found["\(pane.start.microseconds / 10_000_000) \(pane.key)", default: 0] += pane.value
            }
            #expect(found == expected)
        }
    }
    /// Windows come one after the other in the same memory; what is told must not depend on it.
    @Test func theOrderOfResultsIsTheSeeds() throws {
        func order(_ windows: [Int]) throws -> [String] {
            let results = ValueBuffer<Pane<String, Int>>()
            let kernel = try Plan(values: Local(), into: results).stages[0].makeKernel(KernelOptions(seed: 3))
            var out = StageOutput()
            for window in windows {
                results.removeAll()
                let clicks = (0..<500).map { Click("\($0)", Int64(window * 10)) }
                clicks.withUnsafeBufferPointer {
                    kernel.values(of: Click.self)?.process($0, at: .distantPast, into: &out)
                }
                kernel.advance(to: .seconds(Int64(window * 10 + 10)), into: &out)
                var delta = StateDelta()
                kernel.takeDelta(into: &delta)
            }
            return results.values.map(\.value.key)
        }
        #expect(try order([7]) == order([1, 2, 3, 4, 7]))
        #expect(try order([7]).count == 500)
    }

    private func encoded(_ click: Click) -> [UInt8] {
        var writer = ByteWriter()
        click.encode(into: &writer)
        return writer.bytes
    }
    private func lend(_ records: [[UInt8]], _ body: (UnsafeBufferPointer<RawRecord>) -> Void) {
        let bytes = records.flatMap { $0 }
        bytes.withUnsafeBytes { all in
            var start = 0
            let raw = records.enumerated().map { index, record in
                defer { start += record.count }
                return RawRecord(
                    offset: Int64(index), timestamp: .distantPast, key: nil,
                    value: UnsafeRawBufferPointer(rebasing: all[start..<start + record.count]))
            }
            raw.withUnsafeBufferPointer(body)
        }
    }
}
