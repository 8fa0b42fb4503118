public import MillraceCore
public import MillraceFlow

/// A source that reads files of one record a line (NDJSON, or whatever the record type reads) to their end: the files
/// of a directory, or one. Each file is a partition; a position is a byte offset, so a restart goes on in the middle.
public final class Lines<Element: Record>: Source, PipelineInput {
    public var name: String { files.name }
    public var partitionCount: Int { files.paths.count }
    public var partitionNames: [String] { files.paths }
    private let files: InputFiles

    /// One file.
    public init(file path: String, storage: any Storage = PosixStorage()) { files = InputFiles(file: path, storage) }

    /// Every file of a directory whose name ends so, in the order of their names, as they are when the node starts.
    public init(directory path: String, suffix: String = ".ndjson", storage: any Storage = PosixStorage())
        throws(Failure)
    { files = try InputFiles(directory: path, suffix: suffix, storage) }

    public func start(_ tell: @escaping @Sendable (AssignmentEvent) async -> Void) async throws(Failure) {
        try files.check()
        await tell(.assigned(partitions: Array(0..<partitionCount)))
    }
    public func stop() async {}

    public func reader(partition: Int, from position: Int64?) throws(Failure) -> any SourceReader {
        try LineReader(try files.open(partition), from: position ?? 0)
    }

    public var input: InputDescription { .source(self, elementType: String(describing: Element.self)) }
}

/// Reads the lines of a file.
final class LineReader: SourceReader {
    private let window: FileWindow
    private let cutter = LineCutter()
    var position: Int64 { window.position }
    var end: Int64 { window.size }

    init(_ file: any StorageFile, from position: Int64) throws(Failure) {
        window = try FileWindow(file, from: position, longest: Limits.lineBytes, unit: "line")
    }

    func read(maxBytes: Int, _ body: (UnsafeBufferPointer<RawRecord>) -> Void) throws(Failure) -> ReadOutcome {
        var left = maxBytes
        while left > 0, !window.isAtEnd {
            left -= try window.next(atMost: left) { bytes, isLast in
                cutter.lend(bytes, at: window.position, isLast: isLast, body)
            }
        }
        return window.isAtEnd ? .ended : .more
    }

    /// A file of this kind has ended when it was read: nobody needs to be woken.
    func whenReadable(_ wake: @escaping @Sendable () -> Void) {}

    func record(at position: Int64) throws(Failure) -> (key: [UInt8]?, value: [UInt8]?, timestamp: EventTime)? {
        let reader = try LineReader(window.file, from: position)
        var found: [UInt8]?
        _ = try reader.read(maxBytes: 1) { records in
            if found == nil { found = records.first?.value.map(Array.init) }
        }
        return found.map { (nil, $0, .distantPast) }
    }

    func close() { window.close() }
}
