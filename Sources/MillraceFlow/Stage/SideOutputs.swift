public import MillraceCore

/// A named exit of a pipeline besides its result: late records, errors, or what `split` sends there.
public struct SideOutput<Value: Record>: Sendable, Hashable {
    public let name: String
    public init(_ name: String) { self.name = name }
}

/// What a kernel's steps sent to side outputs since it was last emptied. Records are encoded as in a log.
public final class SideOutputs {
    public internal(set) var names: [String] = []
    public internal(set) var buffers: [RecordBuffer] = []

    /// The number of a side output; a name that is there already is used again.
    public func open(_ name: String) -> Int {
        if let known = names.firstIndex(of: name) { return known }
        names.append(name)
        buffers.append(RecordBuffer())
        return names.count - 1
    }
    @inlinable public func send(_ value: some Record, at time: EventTime, to number: Int) {
        append(number) { $0.append(value, at: time) }
    }
    @usableFromInline func append(_ number: Int, _ body: (inout RecordBuffer) -> Void) { body(&buffers[number]) }
    /// What was sent since the last call, each under its name; empty ones are left out.
    public func take() -> [(name: String, records: RecordBuffer)] {
        var taken: [(name: String, records: RecordBuffer)] = []
        for index in buffers.indices where !buffers[index].isEmpty {
            var buffer = RecordBuffer()
            swap(&buffer, &buffers[index])
            taken.append((names[index], buffer))
        }
        return taken
    }
    public func removeAll() {
        for index in buffers.indices { buffers[index].removeAll() }
    }
}
