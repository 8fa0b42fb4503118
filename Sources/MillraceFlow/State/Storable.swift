public import MillraceCore

/// A value that state tables and shuffles keep as bytes.
///
/// The bytes outlive the process: what `store` writes, `load` of a later release must read or refuse. Values are
/// self-delimiting, so that several can follow one another. `Record & Codable` types get both for free.
public protocol Storable: Sendable {
    func store(into writer: inout ByteWriter)
    static func load(from reader: inout ByteReader) throws -> Self
}

extension Storable where Self: FixedWidthInteger {
    @inlinable public func store(into writer: inout ByteWriter) { writer.integer(self) }
    @inlinable public static func load(from reader: inout ByteReader) throws -> Self { try reader.integer() }
}

extension Int: Storable {}
extension Int8: Storable {}
extension Int16: Storable {}
extension Int32: Storable {}
extension Int64: Storable {}
extension UInt: Storable {}
extension UInt8: Storable {}
extension UInt16: Storable {}
extension UInt32: Storable {}
extension UInt64: Storable {}

extension Bool: Storable {
    @inlinable public func store(into writer: inout ByteWriter) { writer.byte(self ? 1 : 0) }
    @inlinable public static func load(from reader: inout ByteReader) throws -> Bool { try reader.byte() != 0 }
}

extension Double: Storable {
    @inlinable public func store(into writer: inout ByteWriter) { writer.double(self) }
    @inlinable public static func load(from reader: inout ByteReader) throws -> Double { try reader.double() }
}

extension Float: Storable {
    @inlinable public func store(into writer: inout ByteWriter) { writer.integer(bitPattern) }
    @inlinable public static func load(from reader: inout ByteReader) throws -> Float {
        Float(bitPattern: try reader.integer())
    }
}

extension EventTime: Storable {
    @inlinable public func store(into writer: inout ByteWriter) { writer.integer(microseconds) }
    @inlinable public static func load(from reader: inout ByteReader) throws -> EventTime {
        EventTime(microseconds: try reader.integer())
    }
}

extension TimeSpan: Storable {
    @inlinable public func store(into writer: inout ByteWriter) { writer.integer(microseconds) }
    @inlinable public static func load(from reader: inout ByteReader) throws -> TimeSpan {
        TimeSpan(microseconds: try reader.integer())
    }
}

extension String: Storable {
    @inlinable public func store(into writer: inout ByteWriter) {
        writer.unsignedVarint(UInt64(utf8.count))
        writer.text(self)
    }
    @inlinable public static func load(from reader: inout ByteReader) throws -> String {
        let count = try reader.checked(count: try reader.unsignedVarint(), minimumElementBytes: 1, limit: .max)
        return try reader.text(count)
    }
}

extension Optional: Storable where Wrapped: Storable {
    @inlinable public func store(into writer: inout ByteWriter) {
        switch self {
        case .none: writer.byte(0)
        case .some(let value):
            writer.byte(1)
            value.store(into: &writer)
        }
    }
    @inlinable public static func load(from reader: inout ByteReader) throws -> Wrapped? {
        try reader.byte() == 0 ? nil : try Wrapped.load(from: &reader)
    }
}

extension Array: Storable where Element: Storable {
    @inlinable public func store(into writer: inout ByteWriter) {
        writer.unsignedVarint(UInt64(count))
        for element in self { element.store(into: &writer) }
    }
    @inlinable public static func load(from reader: inout ByteReader) throws -> [Element] {
        let count = try reader.checked(count: try reader.unsignedVarint(), minimumElementBytes: 0, limit: .max)
        var elements: [Element] = []
        // Capacity grows with what is really there: a wrong count must not allocate.
        for _ in 0..<count { elements.append(try Element.load(from: &reader)) }
        return elements
    }
}
