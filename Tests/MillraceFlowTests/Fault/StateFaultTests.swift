import MillraceCore
import MillraceFlow
import MillraceTesting
import Testing

/// A store that gives back other bytes than it was given, or none at all.
private final class BrokenReader: StateReader {
    enum Kind: CaseIterable { case garbage, cutShort, tooLong, ioError }
    let state: MemoryState
    var kind: Kind?
    init(_ state: MemoryState) { self.state = state }

    private func broken(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        switch kind {
        case .garbage: [UInt8](repeating: 0xFF, count: bytes.count)
        case .cutShort: Array(bytes.dropLast())
        case .tooLong: Array(bytes) + [0]
        case .ioError, nil: Array(bytes)
        }
    }
    func read(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer?) -> Void) throws(Failure) {
        if kind == .ioError { throw Failure(.io, "the disk does not answer") }
        try state.read(key) { bytes in
            guard let bytes, isEntry(key) else { return body(bytes) }
            broken(bytes).withUnsafeBytes { body($0) }
        }
    }
    func scan(
        prefix: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) throws(Failure) {
        if kind == .ioError { throw Failure(.io, "the disk does not answer") }
        try state.scan(prefix: prefix) { key, value in broken(value).withUnsafeBytes { body(key, $0) } }
    }
    /// `length ‖ name ‖ kind`: entries only, so that the windows' list stays whole.
    private func isEntry(_ key: UnsafeRawBufferPointer) -> Bool {
        key[Int(key[0]) + 1] == StateSchema.Kind.entry.rawValue
    }
}

private struct Sums: Pipeline {
    var body: some Flow<Click, Pane<String, Int>> {
        Events<Click>().keyed().window(.tumbling(.seconds(10)), at: \.at).sum(\.amount)
    }
}
private struct Totals: Pipeline {
    var body: some Flow<Click, Keyed<String, Int>> {
        Events<Click>().timed(by: \.at).keyed().running(Sum(\.amount))
    }
}
private struct Once: Pipeline {
    var body: some Flow<Click, Keyed<String, Click>> {
        Events<Click>().timed(by: \.at).keyed().deduplicate(within: .seconds(5))
    }
}

/// Bytes that cannot be read back stop the stage with a failure of a type, and nothing is committed; they never trap.
@Suite struct StateFaultTests {
    private func run<P: Pipeline>(
        _ pipeline: P, _ kind: BrokenReader.Kind, breaksBeforeRestore: Bool, _ touch: (StageKernel) -> Void
    ) throws -> (restore: Failure?, later: Failure?) where P.Output: Sendable {
        let plan = try Plan(values: pipeline, into: ValueBuffer())
        let first = plan.stages[0].makeKernel(KernelOptions())
        feed([Click("a", 1), Click("b", 2)], first)
        var delta = StateDelta()
        first.takeDelta(into: &delta)
        let store = MemoryState()
        store.apply(delta)
        let reader = BrokenReader(store)
        if breaksBeforeRestore { reader.kind = kind }
        let second = plan.stages[0].makeKernel(KernelOptions())
        do { try second.restore(from: reader, watermark: .seconds(2)) } catch { return (error, nil) }
        reader.kind = kind
        touch(second)
        var after = StateDelta()
        second.takeDelta(into: &after)
        if second.fault != nil { #expect(after.count == 0) }
        return (nil, second.fault)
    }
    private func feed(_ clicks: [Click], _ kernel: StageKernel) {
        var out = StageOutput()
        clicks.withUnsafeBufferPointer { kernel.values(of: Click.self)?.process($0, at: .distantPast, into: &out) }
    }

    @Test(arguments: BrokenReader.Kind.allCases) private func readThroughOfAWindow(_ kind: BrokenReader.Kind) throws {
        let found = try run(Sums(), kind, breaksBeforeRestore: false) { feed([Click("a", 3)], $0) }
        #expect(found.later?.code == (kind == .ioError ? .io : .corrupt))
        if kind != .ioError { #expect(found.later?.description.contains("\"sum\"") == true) }
    }
    @Test(arguments: BrokenReader.Kind.allCases) private func firingOfAWindow(_ kind: BrokenReader.Kind) throws {
        let found = try run(Sums(), kind, breaksBeforeRestore: false) { kernel in
            var out = StageOutput()
            kernel.advance(to: .seconds(10), into: &out)
        }
        #expect(found.later?.code == (kind == .ioError ? .io : .corrupt))
    }
    @Test(arguments: BrokenReader.Kind.allCases) private func readThroughOfAKey(_ kind: BrokenReader.Kind) throws {
        // Two numbers of eight bytes take any value: only their length can be wrong.
        guard kind != .garbage else { return }
        let found = try run(Totals(), kind, breaksBeforeRestore: false) { feed([Click("a", 3)], $0) }
        #expect(found.later?.code == (kind == .ioError ? .io : .corrupt))
        #expect(found.later?.place == (kind == .ioError ? "" : "running"))
    }
    @Test(arguments: BrokenReader.Kind.allCases) private func restoreOfWatchedState(_ kind: BrokenReader.Kind) throws {
        let found = try run(Once(), kind, breaksBeforeRestore: true) { _ in }
        guard kind != .garbage else { return }
        #expect(found.restore?.code == (kind == .ioError ? .io : .corrupt))
    }
    /// Every single byte of the state changed in every way that one bit can: a failure or other numbers, never a trap.
    @Test func everyBitOfTheState() throws {
        struct Flipped: Error {}
        let plan = try Plan(values: Sums(), into: ValueBuffer())
        let first = plan.stages[0].makeKernel(KernelOptions())
        feed([Click("a", 1), Click("b", 12)], first)
        var delta = StateDelta()
        first.takeDelta(into: &delta)
        let whole = MemoryState()
        whole.apply(delta)
        for (key, value) in whole.entries {
            for bit in 0..<value.count * 8 {
                var changed = value
                changed[bit / 8] ^= 1 << UInt8(bit % 8)
                var wrong = StateDelta()
                wrong.put(key: { $0.raw(key) }) { $0.raw(changed) }
                let store = MemoryState(copying: whole)
                store.apply(wrong)
                let kernel = plan.stages[0].makeKernel(KernelOptions())
                do { try kernel.restore(from: store, watermark: .seconds(2)) } catch { continue }
                feed([Click("a", 3)], kernel)
                var out = StageOutput()
                kernel.advance(to: .seconds(20), into: &out)
            }
        }
    }
}
