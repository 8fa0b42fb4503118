public import MillraceCore
public import MillraceFlow

/// A source that reads files of comma-separated values (RFC 4180) to their end: the files of a directory, or one.
///
/// A row is decoded into `Element` by its `Codable` fields, each from the column of its name. Columns that no field
/// asks for are passed over; an optional field is `nil` where the column is empty. Text is read as the field's type
/// wants it: numbers, `true` and `false`, times as RFC 3339 or microseconds since 1970, text as it stands.
///
/// A row that is no `Element` is a dead letter with its text and the column at fault. A column that is missing from the
/// file's header is nobody's row: the pipeline fails and says which columns there are.
///
/// Each file is a partition; a position is a byte offset, so a restart goes on in the middle.
public final class CSV<Element: Record & Decodable>: Source, PipelineInput {
    public var name: String { files.name }
    public var partitionCount: Int { files.paths.count }
    public var partitionNames: [String] { files.paths }
    private let files: InputFiles
    private let columns: [String]?
    private let separator: Character

    /// One file.
    ///
    /// - Parameters:
    ///   - columns: the columns' names, for a file whose first row is a row like any other. Without it the first row
    ///     names them.
    ///   - separator: an ASCII character between fields.
    public init(
        file path: String, columns: [String]? = nil, separator: Character = ",", storage: any Storage = PosixStorage()
    ) {
        (files, self.columns, self.separator) = (InputFiles(file: path, storage), columns, separator)
    }

    /// Every file of a directory whose name ends so, in the order of their names, as they are when the node starts.
    public init(
        directory path: String, suffix: String = ".csv", columns: [String]? = nil, separator: Character = ",",
        storage: any Storage = PosixStorage()
    ) throws(Failure) {
        files = try InputFiles(directory: path, suffix: suffix, storage)
        (self.columns, self.separator) = (columns, separator)
    }

    public func start(_ tell: @escaping @Sendable (AssignmentEvent) async -> Void) async throws(Failure) {
        try files.check()
        await tell(.assigned(partitions: Array(0..<partitionCount)))
    }
    public func stop() async {}

    public func reader(partition: Int, from position: Int64?) throws(Failure) -> any SourceReader {
        try CSVReader<Element>(
            try files.open(partition), from: position ?? 0, columns: columns, separator: separator)
    }

    public var input: InputDescription { .source(self, elementType: String(describing: Element.self)) }
}
