public import MillraceCore
public import MillraceFlow
internal import Synchronization

/// A source that reads standard input, one record a line, until it is closed: `cat clicks.ndjson | site`.
///
/// Nothing can be read twice from a pipe. What is not committed yet is kept, up to `Limits.standardInputBytes`, so a
/// task that restarts within the process goes on exactly where its last commit was; then the writing program waits.
/// When the process itself dies, what it had read and not committed is gone with the pipe. Where that matters write
/// into a log first: `cat clicks.ndjson | curl --data-binary @- localhost:8080/logs/clicks`.
///
/// The end of the input is the end of the stream, and stays so: another run over more input wants another data
/// directory, or a log.
public final class StandardInput<Element: Record>: Source, PipelineInput {
    public let name = "standard input"
    public let partitionCount = 1
    private let pipe: InputPipe
    private let isStarted = Atomic<Bool>(false)

    public convenience init() { self.init(HostInput.standard()) }

    /// - Parameter read: fills the buffer and returns how many bytes, 0 at the end, or an errno below zero. May block;
    ///   is called by one thread.
    init(_ read: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Int) { pipe = InputPipe(read) }

    public func start(_ tell: @escaping @Sendable (AssignmentEvent) async -> Void) async throws(Failure) {
        guard !isStarted.exchange(true, ordering: .relaxed) else {
            throw Failure(
                .invalidArgument, "standard input feeds two pipelines, and can be read once",
                advice: "Let it feed a log, and both pipelines from there", place: name, isFatal: true)
        }
        await tell(.assigned(partitions: [0]))
    }
    public func stop() async {}

    public func reader(partition: Int, from position: Int64?) throws(Failure) -> any SourceReader {
        try PipeReader(pipe, from: position ?? 0)
    }

    public var input: InputDescription { .source(self, elementType: String(describing: Element.self)) }
}

/// What was read of a pipe and is not committed yet. A thread of its own reads, readers look.
final class InputPipe: Sendable {
    private struct State {
        /// Bytes from `start` on.
        var bytes: [UInt8] = []
        /// The position of the first byte that is kept; `nil` before the first reader has said where the stream begins.
        var start: Int64?
        var isAtEnd = false
        var errno: Int32 = 0
        var wake: (@Sendable () -> Void)?
    }
    private let state = ThreadMonitor(State())
    private let fill: @Sendable (UnsafeMutableRawBufferPointer) -> Int

    init(_ fill: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Int) { self.fill = fill }

    /// The first reader of a process gives the stream's first byte its position: behind all that earlier processes
    /// read.
    func begin(at position: Int64) throws(Failure) {
        let (isFirst, isKept): (Bool, Bool) = state.withLock { state in
            if let start = state.start { return (false, (start...start + Int64(state.bytes.count)).contains(position)) }
            state.start = position
            return (true, true)
        }
        guard isKept else {
            throw Failure(
                .notFound, "standard input at byte \(position) is not kept any more",
                advice: "Let it feed a log, and the pipeline from there", place: "standard input", isFatal: true)
        }
        if isFirst { _ = OwnedThread(name: "stdin") { [self] in run() } }
    }

    private func run() {
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { chunk.deallocate() }
        while true {
            let count = fill(chunk)
            let wake: (@Sendable () -> Void)? = state.withLock { state in
                if count > 0 { state.bytes.append(contentsOf: chunk[..<count]) } else { state.isAtEnd = true }
                if count < 0 { state.errno = Int32(truncatingIfNeeded: -count) }
                defer { state.wake = nil }
                return state.wake
            }
            wake?()
            if count <= 0 { return }
            // Full: the writing program waits until something is committed.
            state.wait { $0.bytes.count < Limits.standardInputBytes ? .done(()) : .wait(until: nil) }
        }
    }

    /// Copies what there is from a position on; says whether that is all there will ever be.
    func copy(from position: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> (Int, isLast: Bool) {
        let (count, isLast, errno): (Int, Bool, Int32) = state.withLock { state in
            let first = Int(position - (state.start ?? 0))
            let count = min(buffer.count, state.bytes.count - first)
            state.bytes.withUnsafeBytes { bytes in
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[first..<first + count]))
            }
            return (count, state.isAtEnd && first + count == state.bytes.count, state.errno)
        }
        guard count > 0 || errno == 0 else {
            throw Failure(IOFault(.read, path: "standard input", errno: errno), "standard input cannot be read")
        }
        return (count, isLast)
    }

    var end: Int64 { state.withLock { ($0.start ?? 0) + Int64($0.bytes.count) } }
    var isFull: Bool { state.withLock { $0.bytes.count >= Limits.standardInputBytes } }

    func letGo(before position: Int64) {
        state.withLock { state in
            guard let start = state.start, position > start else { return }
            state.bytes.removeFirst(min(state.bytes.count, Int(position - start)))
            state.start = position
        }
        state.signal()
    }

    /// Calls `wake` once when there is something behind a position, or the end.
    func whenReadable(after position: Int64, _ wake: @escaping @Sendable () -> Void) {
        let isNow = state.withLock { state in
            let isNow = state.isAtEnd || (state.start ?? 0) + Int64(state.bytes.count) > position
            state.wake = isNow ? nil : wake
            return isNow
        }
        if isNow { wake() }
    }
}

/// Lends the lines of a pipe.
final class PipeReader: SourceReader {
    private let pipe: InputPipe
    private let cutter = LineCutter()
    private(set) var position: Int64
    /// Up to where there was no whole line.
    private var looked: Int64
    private var buffer: UnsafeMutableRawBufferPointer

    init(_ pipe: InputPipe, from position: Int64) throws(Failure) {
        (self.pipe, self.position, looked) = (pipe, position, position)
        try pipe.begin(at: position)
        buffer = .allocate(byteCount: Limits.lineBufferBytes, alignment: 64)
    }
    deinit { buffer.deallocate() }

    var end: Int64 { pipe.end }

    func read(maxBytes: Int, _ body: (UnsafeBufferPointer<RawRecord>) -> Void) throws(Failure) -> ReadOutcome {
        let (count, isLast) = try pipe.copy(from: position, into: buffer)
        let used = cutter.lend(
            UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: position, isLast: isLast, body)
        position += Int64(used)
        looked = used > 0 ? position : position + Int64(count)
        if isLast { return .ended }
        if used > 0 { return .more }
        guard count == buffer.count else {
            guard pipe.isFull, count >= Limits.standardInputBytes else { return .empty }
            throw Failure(
                .limitReached, "a line is longer than \(Limits.standardInputBytes) bytes",
                advice: "Is this one record a line?", place: "standard input at byte \(position)", isFatal: true)
        }
        let larger = min(buffer.count * 4, Limits.standardInputBytes + (128 << 10))
        buffer.deallocate()
        buffer = .allocate(byteCount: larger, alignment: 64)
        return .more
    }

    func whenReadable(_ wake: @escaping @Sendable () -> Void) { pipe.whenReadable(after: looked, wake) }
    func committed(upTo position: Int64) { pipe.letGo(before: position) }

    /// Lines are not kept for long: a dead letter holds its own.
    func record(at position: Int64) throws(Failure) -> (key: [UInt8]?, value: [UInt8]?, timestamp: EventTime)? { nil }
    func close() {}
}
