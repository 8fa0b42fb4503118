import MillraceCore
import MillraceFlow

/// A visit as twelve bytes: user, page, event time in seconds. The record's key is its user.
struct Visit: KeyedRecord, Storable, Hashable {
    var user: UInt32
    var page: UInt32
    var second: UInt32

    var at: EventTime { .seconds(Int64(second)) }
    var key: UInt32 { user }
    var userAndPage: UInt64 { UInt64(user) << 32 | UInt64(page) }

    static func decode(key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?) throws -> Visit {
        guard let value else { throw ByteFault(.truncated, at: 0) }
        var reader = ByteReader(value)
        let visit = try load(from: &reader)
        try reader.expectEnd()
        return visit
    }
    func encode(into writer: inout ByteWriter) { store(into: &writer) }
    func encodeKey(into writer: inout ByteWriter) -> Bool {
        writer.integer(user)
        return true
    }
    func store(into writer: inout ByteWriter) {
        writer.integer(user)
        writer.integer(page)
        writer.integer(second)
    }
    static func load(from reader: inout ByteReader) throws -> Visit {
        Visit(user: try reader.integer(), page: try reader.integer(), second: try reader.integer())
    }
}

/// Something bought from a page: a visit's bytes in another log.
struct Order: KeyedRecord, Storable, Hashable {
    var visit: Visit
    var at: EventTime { visit.at }
    var key: UInt32 { visit.user }

    static func decode(key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?) throws -> Order {
        Order(visit: try Visit.decode(key: key, value: value))
    }
    func encode(into writer: inout ByteWriter) { visit.encode(into: &writer) }
    func encodeKey(into writer: inout ByteWriter) -> Bool { visit.encodeKey(into: &writer) }
    func store(into writer: inout ByteWriter) { visit.store(into: &writer) }
    static func load(from reader: inout ByteReader) throws -> Order { Order(visit: try .load(from: &reader)) }
}

/// A visit that was followed by an order.
struct Match: Record, Storable, Hashable {
    var visit: Visit
    var orderSecond: UInt32

    static func decode(key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?) throws -> Match {
        guard let value else { throw ByteFault(.truncated, at: 0) }
        var reader = ByteReader(value)
        let match = try load(from: &reader)
        try reader.expectEnd()
        return match
    }
    func encode(into writer: inout ByteWriter) { store(into: &writer) }
    func encodeKey(into writer: inout ByteWriter) -> Bool { visit.encodeKey(into: &writer) }
    func store(into writer: inout ByteWriter) {
        visit.store(into: &writer)
        writer.integer(orderSecond)
    }
    static func load(from reader: inout ByteReader) throws -> Match {
        Match(visit: try .load(from: &reader), orderSecond: try reader.integer())
    }
}
