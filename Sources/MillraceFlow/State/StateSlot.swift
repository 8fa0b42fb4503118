public import MillraceCore

/// The state of one step as the engine sees it: a name, bytes in, bytes out.
///
/// Keys in deltas and readers are relative to the stage and partition; each begins with the step's name.
public protocol StateSlot: AnyObject {
    /// Stable across releases; no two of a pipeline are equal.
    var name: String { get }
    /// What the stored bytes mean. A restore under another one is refused, or migrated.
    var schema: StateSchema { get }
    /// What the state costs in memory and what bounds it, in words, for plans.
    var bound: String { get }
    /// Keys held in memory, and bytes of their tables.
    var entries: Int { get }
    var bytes: Int { get }
    /// Something of it comes to its end when time passes, without another record.
    var awaitsTime: Bool { get }
    /// Adds what changed since the last call, and takes it as stored.
    func takeDelta(into delta: inout StateDelta)
    /// Called before the first record. Reads what it needs at once and keeps the reader for the rest.
    func restore(from reader: any StateReader, watermark: EventTime) throws(Failure)
    /// Drops entries that the store has, until about `bytes` are freed. Returns bytes freed.
    func evict(bytes: Int) -> Int
}

public struct StateSchema: Sendable, Hashable, CustomStringConvertible {
    public var version: Int
    /// The types in the stored bytes, spelled out.
    public var layout: String
    public init(version: Int, layout: String) { (self.version, self.layout) = (version, layout) }
    public var description: String { "v\(version) \(layout)" }
}

/// Reads a stage's state: what the commit it started from holds, with **every delta taken since** applied, whether or
/// not its commit is on the disk yet. (A key that left memory or was removed is read back through here.)
public protocol StateReader: AnyObject {
    /// Calls `body` with the value, or `nil`. The bytes are lent for the call.
    func read(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer?) -> Void) throws(Failure)
    /// Every key that begins with `prefix`, in the order of bytes; `body` returns false to stop.
    func scan(
        prefix: UnsafeRawBufferPointer, _ body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool
    ) throws(Failure)
}
