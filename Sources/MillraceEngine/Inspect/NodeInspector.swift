public import MillraceCore

/// What the console and the command line may ask of a running node, and tell it.
///
/// Everything is asynchronous and cheap for the data path: tasks publish their figures once per commit.
public protocol NodeInspector: AnyObject, Sendable {
    func status() async -> NodeStatus
    /// The plan of a pipeline, as `describe()` prints it.
    func plan(of pipeline: String) async throws(Failure) -> String
    /// Why a window has not fired and where the lag comes from, in plain sentences.
    func why(pipeline: String) async throws(Failure) -> String
    /// The commits behind the cells of a row and the inputs behind the commits, in plain lines.
    func explain(table: String, key: [String]) async throws(Failure) -> String
    func pause(pipeline: String) async throws(Failure)
    func resume(pipeline: String) async throws(Failure)
    func deadLetters(of pipeline: String, limit: Int) async throws(Failure) -> [DeadLetter]
    /// Appends dead letters to their source topic again, in order. Returns how many.
    func redrive(pipeline: String, limit: Int) async throws(Failure) -> Int
    /// The configuration in force, with secrets hidden.
    var configuration: String { get }
}
