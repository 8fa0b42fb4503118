public import MillraceCore

/// A streaming computation as a value: what to do with each record of a log, and when to say what came of it.
///
/// `body` is evaluated once per batch, so that the compiler sees the whole chain with your closures in it. Keep it
/// cheap and pure: no I/O, no clocks, no randomness; the same pipeline over the same log must give the same output.
public protocol Pipeline: Sendable {
    associatedtype Body: Flow
    var body: Body { get }
    typealias Input = Body.Input
    typealias Output = Body.Output
}

/// A step of a pipeline together with everything upstream of it, back to the log.
///
/// Flows are values that hold their upstream, closures and numbers, nothing else; what changes lives in `State`, a
/// bundle of pointers that `makeState` makes and `StageSetup` owns. To write an operator of your own, conform to
/// `Operator` instead, which is a struct with three methods.
///
/// All methods are called on one thread. A throw out of `process` makes the record a bad record.
public protocol Flow<Input, Output>: Sendable {
    /// The record type of the log at the start.
    associatedtype Input: Sendable
    /// What enters the stage this step runs in: the record itself, or what crossed the last shuffle.
    associatedtype StageInput: StageRecord
    associatedtype Output: Sendable
    associatedtype State: BitwiseCopyable
    /// The first step of the stage that this step is in.
    associatedtype Head: StageHead

    func makeState(_ setup: StageSetup) -> State
    func process(
        _ input: StageInput, at time: EventTime, state: State, emit: (Output, EventTime) throws -> Void) throws
    /// Called some records ahead of `process`: a chance to ask for the memory that the record will need. Nothing but
    /// speed may follow from it.
    func prepare(_ input: StageInput, state: State)
    /// Whether `prepare` is worth its cost now; asked once per batch.
    func wantsPreparing(_ state: State) -> Bool
    /// What the step will make of an input where that is the input itself; else `nil`.
    func unchanged(_ input: StageInput) -> Output?
    /// Something other than a record happened: time went on, or a commit is about to be made.
    func signal(_ signal: Signal, state: State, emit: (Output, EventTime) throws -> Void) throws

    static func head(of flow: Self) -> Head
    /// One line per step, in the order records pass.
    func describe(into text: inout StageDescription)
}

extension Flow {
    @inlinable @inline(__always) public func prepare(_ input: StageInput, state: State) {}
    @inlinable @inline(__always) public func wantsPreparing(_ state: State) -> Bool { false }
    @inlinable @inline(__always) public func unchanged(_ input: StageInput) -> Output? { nil }
}

/// A flow that a stage begins with: what a log, a shuffle or two inputs give.
///
/// Stages are found from head to head, and not from step to step: the compiler stops specialising a generic function
/// that calls itself with ever larger types (it lets one such turn pass), and what it leaves generic is twenty times
/// slower.
public protocol StageHead: Flow {
    /// Adds the stages before the one that begins here, and returns where that stage's input comes from.
    static func stages<Q: FlowPath>(into plan: inout PlanBuilder, of pipeline: Q.P, by path: Q.Type) -> [StagePort]
    where Q.F == Self
}

extension StageHead {
    @inlinable @inline(__always) public static func head(of flow: Self) -> Self { flow }
}

/// What a stage is told besides records.
public enum Signal: Sendable, Hashable {
    /// No record before this event time is expected any more.
    case watermark(EventTime)
    /// The wall clock stands here.
    case wall(EventTime)
    /// A commit follows: partial results that are not kept as state must leave now.
    case flush
}

/// A flow with a flow before it.
public protocol HasUpstream: Flow {
    associatedtype Upstream: Flow
    var upstream: Upstream { get }
}

/// How a stage's kernel finds its step inside `body`, as a type: a stored closure would hide the user's closures.
public protocol FlowPath: SendableMetatype {
    associatedtype P: Pipeline
    associatedtype F: Flow
    static func flow(of pipeline: P) -> F
}

/// The way to the last step.
public enum BodyPath<P: Pipeline>: FlowPath {
    @inlinable @inline(__always) public static func flow(of pipeline: P) -> P.Body { pipeline.body }
}

/// The way to the first step of a stage.
public enum HeadPath<Q: FlowPath>: FlowPath {
    @inlinable @inline(__always) public static func flow(of pipeline: Q.P) -> Q.F.Head {
        Q.F.head(of: Q.flow(of: pipeline))
    }
}

/// A step whose input crossed a shuffle, and the step that sends it there.
public protocol ShuffledFlow: StageHead {
    associatedtype Sender: Flow where Sender.Output: ShuffleRecord
    var sender: Sender { get }
}

/// The way to the step that sends into the shuffle.
public enum SenderPath<Q: FlowPath>: FlowPath where Q.F: ShuffledFlow {
    @inlinable @inline(__always) public static func flow(of pipeline: Q.P) -> Q.F.Sender {
        Q.flow(of: pipeline).sender
    }
}
