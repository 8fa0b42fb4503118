public import MillraceCore

/// A step of one's own with state per key, timers and side outputs: for what windows and joins cannot say.
///
/// ```swift
/// /// Says when a device has been silent for ten minutes.
/// struct Silence: KeyedProcess {
///     typealias Key = UInt64
///     typealias Value = Reading
///     typealias Output = Alarm
///     struct State: Storable { … }
///
///     func makeState() -> State { State() }
///     func process(_ reading: Reading, at time: EventTime, in context: inout ProcessContext<Key, State>,
///                  emit: (Alarm) throws -> Void) throws {
///         context.cancelTimers(tagged: 1)
///         context.setTimer(at: time + .minutes(10), tag: 1)
///     }
///     func timer(_ timer: ProcessTimer, in context: inout ProcessContext<Key, State>,
///                emit: (Alarm) throws -> Void) throws {
///         try emit(Alarm(device: context.key, since: timer.time))
///     }
/// }
/// ```
/// A throw makes the record a bad record and leaves state, timers and side outputs as they were before it. All calls
/// for one key come one after the other.
public protocol KeyedProcess<Key, Value, Output>: Sendable {
    associatedtype Key: StreamKey
    associatedtype Value: Sendable
    associatedtype Output: Sendable
    /// What is kept per key. Lists are arrays, maps are `StateMap`.
    associatedtype State: Storable

    /// The state of a key that has none.
    func makeState() -> State
    func process(
        _ value: Value, at time: EventTime, in context: inout ProcessContext<Key, State>,
        emit: (Output) throws -> Void) throws
    /// A timer's time has come. What is emitted has the timer's time.
    func timer(
        _ timer: ProcessTimer, in context: inout ProcessContext<Key, State>, emit: (Output) throws -> Void) throws
    /// Raise it when the stored state changes its meaning or type, and say in `migrate` how to read older ones.
    var version: Int { get }
    /// Reads a key's state that was stored under an older version; `nil` for a version it knows nothing of. Timers stay
    /// as they are.
    func migrate(_ stored: inout ByteReader, from version: Int) throws -> State?
}

extension KeyedProcess {
    @inlinable public var version: Int { 1 }
    @inlinable public func migrate(_ stored: inout ByteReader, from version: Int) throws -> State? { nil }
    @inlinable public func timer(
        _ timer: ProcessTimer, in context: inout ProcessContext<Key, State>, emit: (Output) throws -> Void
    ) throws {}
}

/// A moment at which a process function wants to be called for a key. Two of the same moment, kind and tag are one.
public struct ProcessTimer: Storable, Hashable, Comparable {
    public var time: EventTime
    /// Tells a function's timers apart.
    public var tag: Int
    /// Runs by the wall clock instead of the watermark.
    public var isWall: Bool

    @inlinable init(time: EventTime, tag: Int, isWall: Bool) {
        (self.time, self.tag, self.isWall) = (time, tag, isWall)
    }
    @inlinable public static func < (a: ProcessTimer, b: ProcessTimer) -> Bool {
        a.time != b.time ? a.time < b.time : a.tag < b.tag
    }
    @inlinable public func store(into writer: inout ByteWriter) {
        time.store(into: &writer)
        tag.store(into: &writer)
    }
    @inlinable public static func load(from reader: inout ByteReader) throws -> ProcessTimer {
        ProcessTimer(time: try .load(from: &reader), tag: try .load(from: &reader), isWall: false)
    }
}

/// What a process function has at hand for one call: the key, its state and timers, and time.
public struct ProcessContext<Key: StreamKey, State: Storable> {
    public let key: Key
    /// The key's state, to change in place.
    public var state: State
    /// No record before this time is expected any more.
    public let watermark: EventTime
    /// The wall clock as the stage knows it: the last tick.
    public let wall: EventTime
    @usableFromInline var timers: [ProcessTimer]
    @usableFromInline var wallTimers: [ProcessTimer]
    @usableFromInline var wallTimersChanged = false
    @usableFromInline var isCleared = false
    @usableFromInline var sides: SideOutputs
    @usableFromInline var sent: [(SideOutputs) -> Void] = []

    @inlinable init(
        key: Key, state: State, clock: StageClock, timers: [ProcessTimer], wallTimers: [ProcessTimer],
        sides: SideOutputs
    ) {
        (self.key, self.state, self.timers, self.wallTimers) = (key, state, timers, wallTimers)
        (watermark, wall, self.sides) = (clock.watermark, clock.wall, sides)
    }

    /// Calls `timer` once the watermark has reached `time`; at once, after this call, when it has already.
    public mutating func setTimer(at time: EventTime, tag: Int = 0) throws {
        try Self.insert(ProcessTimer(time: time, tag: tag, isWall: false), into: &timers)
    }
    /// Calls `timer` once the wall clock stands at `time` or later.
    public mutating func setWallTimer(at time: EventTime, tag: Int = 0) throws {
        try Self.insert(ProcessTimer(time: time, tag: tag, isWall: true), into: &wallTimers)
        wallTimersChanged = true
    }
    /// Takes back all timers with this tag, of both kinds.
    public mutating func cancelTimers(tagged tag: Int = 0) {
        timers.removeAll { $0.tag == tag }
        let before = wallTimers.count
        wallTimers.removeAll { $0.tag == tag }
        if wallTimers.count != before { wallTimersChanged = true }
    }
    /// Forgets the key: state and timers go, and what is set after this call is the start of new ones.
    public mutating func clear() {
        isCleared = true
        timers.removeAll()
        if !wallTimers.isEmpty { wallTimersChanged = true }
        wallTimers.removeAll()
    }
    /// Sends a record to a side output when the call has ended without a throw.
    public mutating func send<T: Record>(_ record: T, to side: SideOutput<T>, at time: EventTime) {
        sent.append { sides in sides.send(record, at: time, to: sides.open(side.name)) }
    }

    static func insert(_ timer: ProcessTimer, into timers: inout [ProcessTimer]) throws {
        let at = timers.firstIndex { $0 >= timer } ?? timers.count
        if at < timers.count, timers[at] == timer { return }
        guard timers.count < Limits.timersPerKey else { throw ProcessFault.tooManyTimers }
        timers.insert(timer, at: at)
    }
}

public enum ProcessFault: Error, Sendable, CustomStringConvertible {
    /// One key has `Limits.timersPerKey` timers.
    case tooManyTimers
    public var description: String { "a key may have \(Limits.timersPerKey) timers of each kind" }
}

extension Limits {
    /// Timers of one kind that one key may have: they are stored with the key's state in one value.
    public static let timersPerKey = 1_000
}

/// A map as part of a state: few entries per key, in the order of their keys.
public struct StateMap<MapKey: Storable & Comparable, Element: Storable>: Storable {
    @usableFromInline var entries: [Entry] = []
    @usableFromInline struct Entry: Storable {
        @usableFromInline var key: MapKey
        @usableFromInline var value: Element
        @inlinable init(key: MapKey, value: Element) { (self.key, self.value) = (key, value) }
        @inlinable func store(into writer: inout ByteWriter) {
            key.store(into: &writer)
            value.store(into: &writer)
        }
        @inlinable static func load(from reader: inout ByteReader) throws -> Entry {
            Entry(key: try .load(from: &reader), value: try .load(from: &reader))
        }
    }
    @inlinable public init() {}
    @inlinable public var count: Int { entries.count }
    @inlinable public var isEmpty: Bool { entries.isEmpty }
    public var keys: [MapKey] { entries.map(\.key) }
    public var values: [Element] { entries.map(\.value) }

    @inlinable func index(_ key: MapKey) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
    @inlinable public subscript(key: MapKey) -> Element? {
        get {
            let at = index(key)
            return at < entries.count && entries[at].key == key ? entries[at].value : nil
        }
        set {
            let at = index(key)
            let isThere = at < entries.count && entries[at].key == key
            switch (newValue, isThere) {
            case (let value?, true): entries[at].value = value
            case (let value?, false): entries.insert(Entry(key: key, value: value), at: at)
            case (nil, true): entries.remove(at: at)
            case (nil, false): break
            }
        }
    }
    @inlinable public func store(into writer: inout ByteWriter) { entries.store(into: &writer) }
    @inlinable public static func load(from reader: inout ByteReader) throws -> StateMap {
        var made = StateMap()
        made.entries = try .load(from: &reader)
        return made
    }
}
