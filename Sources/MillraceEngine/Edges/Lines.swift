public import MillraceCore
public import MillraceFlow

/// A source that reads files of one record a line (NDJSON, or whatever the record type reads) to their end: the files
/// of a directory, or one. Each file is a partition; a position is a byte offset, so a restart goes on in the middle.
public final class Lines<Element: Record>: Source, PipelineInput {
    public let name: String
    public var partitionCount: Int { paths.count }
    private let paths: [String]
    private let storage: any Storage

    /// One file.
    public init(file path: String, storage: any Storage = PosixStorage()) {
        (name, paths, self.storage) = (path, [path], storage)
    }

    /// Every file of a directory whose name ends so, in the order of their names, as they are when the node starts.
    public init(directory path: String, suffix: String = ".ndjson", storage: any Storage = PosixStorage())
        throws(Failure)
    {
        do throws(IOFault) {
            paths = try storage.list(path).filter { $0.hasSuffix(suffix) }.map { path + "/" + $0 }
        } catch { throw Failure(error, "the directory cannot be read") }
        guard !paths.isEmpty else {
            throw Failure(.notFound, "no file in the directory ends in \(suffix)", place: path)
        }
        (name, self.storage) = (path, storage)
    }

    public func start(_ tell: @escaping @Sendable (AssignmentEvent) async -> Void) async throws(Failure) {
        await tell(.assigned(partitions: Array(0..<partitionCount)))
    }
    public func stop() async {}

    public func reader(partition: Int, from position: Int64?) throws(Failure) -> any SourceReader {
        do throws(IOFault) {
            return try LineReader(storage.open(paths[partition], .read), from: position ?? 0)
        } catch { throw Failure(error, "the file cannot be read") }
    }

    public var input: InputDescription { .source(self, elementType: String(describing: Element.self)) }
}

/// Cuts a file into lines and lends them from its buffer. An empty line is no record; a last line without an end
/// is one.
final class LineReader: SourceReader {
    private let file: any StorageFile
    private let size: Int64
    private(set) var position: Int64
    var end: Int64 { size }
    private var buffer: UnsafeMutableRawBufferPointer
    private let lent: UnsafeMutableBufferPointer<RawRecord>

    init(_ file: any StorageFile, from position: Int64) throws(IOFault) {
        (self.file, self.position) = (file, position)
        size = try file.size()
        buffer = .allocate(byteCount: Limits.lineBufferBytes, alignment: 64)
        lent = .allocate(capacity: Limits.recordsPerBatch)
    }
    deinit {
        buffer.deallocate()
        lent.deallocate()
    }

    func read(maxBytes: Int, _ body: (UnsafeBufferPointer<RawRecord>) -> Void) throws(Failure) -> ReadOutcome {
        var left = maxBytes
        while left > 0, position < size {
            // Room behind the bytes that are read, which a JSON parser may look at.
            let wanted = min(Int(min(Int64(buffer.count - Limits.linePadding), size - position)), max(left, 64 << 10))
            let filled: Int
            do throws(IOFault) {
                filled = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: position)
            } catch { throw Failure(error, "the file cannot be read", place: "\(file.path) at byte \(position)") }
            guard filled > 0 else { return .ended }
            let isLast = position + Int64(filled) >= size
            let used = lend(UnsafeRawBufferPointer(rebasing: buffer[..<filled]), isLast: isLast, body)
            if used == 0 {
                guard buffer.count < Limits.lineBytes else {
                    throw Failure(
                        .limitReached, "a line is longer than \(Limits.lineBytes) bytes",
                        advice: "Is this a file of one record a line?", place: "\(file.path) at byte \(position)")
                }
                buffer.deallocate()
                buffer = .allocate(byteCount: buffer.count * 4, alignment: 64)
                left = max(left, buffer.count)
                continue
            }
            position += Int64(used)
            left -= used
        }
        return position < size ? .more : .ended
    }

    /// Lends every whole line, and returns how many bytes they took.
    private func lend(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, _ body: (UnsafeBufferPointer<RawRecord>) -> Void
    ) -> Int {
        var (start, count) = (0, 0)
        while start < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
            guard let length = NewlineSearch.first(in: rest) ?? (isLast ? rest.count : nil) else { break }
            if length > 0 {
                lent[count] = RawRecord(
                    offset: position + Int64(start), timestamp: .distantPast, key: nil,
                    value: UnsafeRawBufferPointer(rebasing: rest[..<length]))
                count += 1
                if count == lent.count {
                    body(UnsafeBufferPointer(lent))
                    count = 0
                }
            }
            start = min(bytes.count, start + length + 1)
        }
        if count > 0 { body(UnsafeBufferPointer(rebasing: lent[..<count])) }
        return start
    }

    /// A file of this kind has ended when it was read: nobody needs to be woken.
    func whenReadable(_ wake: @escaping @Sendable () -> Void) {}

    func record(at position: Int64) throws(Failure) -> (key: [UInt8]?, value: [UInt8]?, timestamp: EventTime)? {
        do throws(IOFault) {
            let reader = try LineReader(file, from: position)
            var found: [UInt8]?
            do throws(Failure) {
                _ = try reader.read(maxBytes: 1) { records in
                    if found == nil { found = records.first?.value.map(Array.init) }
                }
            } catch { return nil }
            return found.map { (nil, $0, .distantPast) }
        } catch { throw Failure(error, "the file cannot be read") }
    }

    func close() { file.close() }
}
