public import MillraceCore

/// As values, for drivers, tests and benchmarks.
public struct ValueSink<Value>: StageSink {
    @usableFromInline let words: UnsafeMutablePointer<ValueBuffer<Value>.Words>
    /// Keeps the storage alive.
    @usableFromInline let buffer: ValueBuffer<Value>
    @inlinable public init(_ buffer: ValueBuffer<Value>) { (words, self.buffer) = (buffer.words, buffer) }
    @inlinable @inline(__always) public func emit(_ value: Value, at time: EventTime, into out: inout StageOutput) {
        words.pointee.append((value, time))
    }
    @inlinable public func mark(_ out: StageOutput) -> Int { words.pointee.count }
    @inlinable public func rollBack(_ out: inout StageOutput, to mark: Int) { words.pointee.truncate(to: mark) }
}

/// A growing list of results in raw storage: an array in a class would cost more per result than most pipelines do.
///
/// `@unchecked Sendable` because a driver makes and runs all kernels that share it on one thread.
public final class ValueBuffer<Value>: @unchecked Sendable {
    public typealias Element = (value: Value, time: EventTime)
    @usableFromInline struct Words {
        @usableFromInline var base: UnsafeMutablePointer<Element>
        @usableFromInline var count = 0
        @usableFromInline var room: Int
        @usableFromInline init(room: Int) {
            base = .allocate(capacity: room)
            self.room = room
        }
        @inlinable @inline(__always) mutating func append(_ element: Element) {
            if count == room { grow() }
            (base + count).initialize(to: element)
            count += 1
        }
        @inlinable @inline(never) mutating func grow() {
            let larger = UnsafeMutablePointer<Element>.allocate(capacity: room * 2)
            larger.moveInitialize(from: base, count: count)
            base.deallocate()
            (base, room) = (larger, room * 2)
        }
        @inlinable mutating func truncate(to kept: Int) {
            (base + kept).deinitialize(count: count - kept)
            count = kept
        }
    }
    @usableFromInline let words: UnsafeMutablePointer<Words>

    public init() {
        words = .allocate(capacity: 1)
        words.initialize(to: Words(room: Limits.recordsPerBatch))
    }
    deinit {
        words.pointee.truncate(to: 0)
        words.pointee.base.deallocate()
        words.deallocate()
    }
    @inlinable public var count: Int { words.pointee.count }
    @inlinable public subscript(index: Int) -> Element {
        precondition(index >= 0 && index < words.pointee.count, "no such result")
        return words.pointee.base[index]
    }
    /// Lent until the next change.
    @inlinable public func withValues<R>(_ body: (UnsafeBufferPointer<Element>) throws -> R) rethrows -> R {
        try body(UnsafeBufferPointer(start: words.pointee.base, count: words.pointee.count))
    }
    public var values: [Element] { withValues { Array($0) } }
    @inlinable public func removeAll() { words.pointee.truncate(to: 0) }
}
