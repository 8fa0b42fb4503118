public import MillraceCore
public import MillraceFlow

/// Where results go when they leave the node.
///
/// A commit calls `prepare` before the node's own commit and `publish` after it. A crash in between repeats the
/// commit's rows with the same number, so a sink that remembers the last number it published has each row once.
public protocol Sink: AnyObject, Sendable {
    var name: String { get }
    /// A writer for one task; `task` is the same after a restart. Called on a thread that may block.
    func writer(task: String, layout: RowLayout) throws(Failure) -> any SinkWriter
}

/// Takes one task's rows. One call at a time, on threads that may block.
public protocol SinkWriter: AnyObject, Sendable {
    /// Makes the rows of commit `number` ready, so that `publish` can hardly fail.
    func prepare(_ rows: RowBuffer, commit number: Int64) throws(Failure)
    /// The commit is durable: show its rows.
    func publish(commit number: Int64) throws(Failure)
    /// After a restart, before anything else: `number` is the task's last durable commit. What was prepared for a later
    /// one never happened; what was prepared for it and not shown is to be shown.
    func recover(lastCommit number: Int64) throws(Failure)
    /// After the pipeline's last commit. A process that dies does not call it.
    func close()
}
