public import MillraceCore

/// What the console and the command line may ask of a running node, and tell it. `Node` is the one that answers.
///
/// Nothing here blocks the caller's thread: what reads the log or the tables does so on threads for blocking calls.
public protocol NodeInspector: AnyObject, Sendable {
    func status() async -> NodeStatus
    /// The plan of a pipeline, as `describe` prints it.
    func plan(of pipeline: String) async throws(Failure) -> String
    /// Why a window has not fired and where the lag comes from, in plain sentences.
    func why(pipeline: String) async throws(Failure) -> String
    /// The commits behind the cells of a row and the inputs behind the commits, in plain lines. The key's columns as
    /// text, in their order; a prefix explains every row it matches, up to a limit.
    func explain(table: String, key: [String]) async throws(Failure) -> String
    func pause(pipeline: String) async throws(Failure)
    func resume(pipeline: String) async throws(Failure)
    /// Puts a tap on an edge; it takes itself off when it ends.
    func tap(_ tap: EdgeTap, pipeline: String) async throws(Failure)
    /// The oldest dead letters that were not redriven.
    func deadLetters(of pipeline: String, limit: Int) async throws(Failure) -> [DeadLetter]
    /// The keys that wait because a record of theirs failed, as of the last commits, at most `limit`.
    func parkedKeys(of pipeline: String, limit: Int) async throws(Failure) -> [ParkedKey]
    /// Appends dead letters to their source topic again, oldest first, and lets their keys flow. Returns how many.
    func redrive(pipeline: String, limit: Int) async throws(Failure) -> Int
}
