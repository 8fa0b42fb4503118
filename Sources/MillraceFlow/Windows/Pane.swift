public import MillraceCore

/// The result of a window for a key.
public struct Pane<Key: StreamKey, Value: Sendable>: Sendable {
    public var key: Key
    public var start: EventTime
    /// The first moment that is no longer in the window.
    public var end: EventTime
    public var value: Value
    public var info: PaneInfo
    @inlinable public init(
        key: Key, start: EventTime, end: EventTime, value: Value, info: PaneInfo = PaneInfo()
    ) { (self.key, self.start, self.end, self.value, self.info) = (key, start, end, value, info) }
}

extension Pane: Equatable where Value: Equatable {}
extension Pane: Hashable where Value: Hashable {}

extension Pane: CustomStringConvertible {
    public var description: String {
        "\(key) [\(start.microseconds), \(end.microseconds)) \(value) \(info)"
    }
}

/// Which of a window's results this is.
public struct PaneInfo: Sendable, Hashable, CustomStringConvertible {
    public enum Timing: UInt8, Sendable, Hashable { case early, onTime, late }
    /// Counts the results of this key's window from 0.
    public var index: Int
    public var timing: Timing
    /// No further result of this key's window will come.
    public var isFinal: Bool
    /// Takes back the value it carries, which was sent before.
    public var isRetraction: Bool
    @inlinable public init(
        index: Int = 0, timing: Timing = .onTime, isFinal: Bool = true, isRetraction: Bool = false
    ) {
        (self.index, self.timing, self.isFinal, self.isRetraction) = (index, timing, isFinal, isRetraction)
    }
    public var description: String {
        "\(isRetraction ? "-" : "")#\(index) \(timing)\(isFinal ? " final" : "")"
    }
}

extension Pane: RowShape where Key: RowShape, Value: RowShape {
    public static func shape(into layout: inout RowLayout, name: String, role: ColumnRole) {
        Key.shape(into: &layout, name: "key", role: .partitionKey)
        layout.add("window_start", .clusteringKey, .time)
        layout.add("window_end", .regular, .time)
        Value.shape(into: &layout, name: name, role: .regular)
        layout.add("pane_index", .regular, .int)
        layout.add("pane_timing", .regular, .text)
        layout.add("pane_final", .regular, .bool)
    }
    @inlinable public func write(to row: inout RowBuffer) {
        key.write(to: &row)
        row.time(start)
        row.time(end)
        value.write(to: &row)
        row.int(Int64(info.index))
        switch info.timing {
        case .early: row.text("early")
        case .onTime: row.text("on-time")
        case .late: row.text("late")
        }
        row.bool(info.isFinal)
    }
    @inlinable public var rowOperation: RowOperation { info.isRetraction ? .retract : .upsert }
}

extension Pane: Storable where Value: Storable {
    public func store(into writer: inout ByteWriter) {
        key.store(into: &writer)
        start.store(into: &writer)
        end.store(into: &writer)
        value.store(into: &writer)
        writer.unsignedVarint(UInt64(info.index))
        writer.byte(info.timing.rawValue | (info.isFinal ? 4 : 0) | (info.isRetraction ? 8 : 0))
    }
    public static func load(from reader: inout ByteReader) throws -> Self {
        let (key, start) = (try Key.load(from: &reader), try EventTime.load(from: &reader))
        let (end, value) = (try EventTime.load(from: &reader), try Value.load(from: &reader))
        let index = try reader.unsignedVarint()
        let flags = try reader.byte()
        guard let timing = PaneInfo.Timing(rawValue: flags & 3), flags < 16, let index = Int(exactly: index) else {
            throw ByteFault(.unknownValue, at: reader.position)
        }
        return Pane(
            key: key, start: start, end: end, value: value,
            info: PaneInfo(
                index: index, timing: timing, isFinal: flags & 4 != 0, isRetraction: flags & 8 != 0))
    }
}
