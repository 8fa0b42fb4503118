public import MillraceFlow

/// What a pipeline can read: a log of the node, a source, or the changes of a table.
public protocol PipelineInput<Element>: Sendable {
    associatedtype Element: Record
    var input: InputDescription { get }
}

extension PipelineInput {
    /// One input can feed any number of pipelines; each reads it at its own pace.
    ///
    /// - Parameter name: what the pipeline is called in commands, metrics and stored state. The type's name by default;
    ///   two feeds of one type need names of their own. Changing it starts the pipeline afresh.
    @inlinable public func feeds<P: Pipeline>(_ pipeline: P, as name: String? = nil) -> Feed<P>
    where P.Body.Input == Element {
        Feed(pipeline, name: name ?? String(describing: P.self), inputs: [input])
    }

    /// A pipeline that joins or merges: this is what its first `Events` reads, `others` what the next ones do, in the
    /// order in which the body writes them down.
    ///
    /// ```swift
    /// orders.feeds(PaidOrders(), with: payments).into(Table("paid"))
    /// ```
    /// That the record types agree is checked when the node starts.
    @inlinable public func feeds<P: Pipeline, each Other: PipelineInput>(
        _ pipeline: P, with others: repeat each Other, as name: String? = nil
    ) -> Feed<P> where P.Body.Input == Element {
        var inputs = [input]
        repeat inputs.append((each others).input)
        return Feed(pipeline, name: name ?? String(describing: P.self), inputs: inputs)
    }
}

/// Where records of a pipeline come from.
public enum InputDescription: Sendable {
    case log(LogDescription)
    case source(any Source, elementType: String)
    case changes(ChangesDescription)

    public var name: String {
        switch self {
        case .log(let log): log.name
        case .source(let source, _): source.name
        case .changes(let changes): changes.topic
        }
    }
    /// The name of the record type.
    public var elementType: String {
        switch self {
        case .log(let log): log.elementType
        case .source(_, let type): type
        case .changes(let changes): changes.elementType
        }
    }
}
