public import MillraceCore
public import MillraceFlow

/// A topic of the log as a topology names it: the record type it holds, and its partitions.
///
/// Made when the node starts and it is missing; one that is there must have the same number of partitions.
public struct Log<Element: Record>: PipelineInput {
    public let description: LogDescription

    public init(_ name: String, partitions: Int = 1) {
        description = LogDescription(name: name, partitions: partitions, elementType: String(describing: Element.self))
    }

    /// How long records stay, in time and in bytes of a partition; `nil` keeps them for ever. Without it a week. What a
    /// pipeline of the node has not read yet stays in any case.
    public func keeping(for span: TimeSpan? = nil, bytes: Int64? = nil) -> Log {
        var copy = description
        (copy.retention, copy.retentionBytes) = (span, bytes)
        return Log(copy)
    }

    init(_ description: LogDescription) { self.description = description }

    public var input: InputDescription { .log(description) }
}

public struct LogDescription: Sendable, Hashable {
    public var name: String
    public var partitions: Int
    public var elementType: String
    /// `nil` keeps for ever.
    public var retention: TimeSpan? = .days(7)
    public var retentionBytes: Int64?
}
