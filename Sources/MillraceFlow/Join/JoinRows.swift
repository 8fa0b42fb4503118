public import MillraceCore

/// A row that waits for partners.
public struct JoinRow<Value: Storable>: Storable {
    @usableFromInline var time: EventTime
    @usableFromInline var value: Value
    @usableFromInline var isMatched: Bool

    @inlinable init(time: EventTime, value: Value, isMatched: Bool) {
        (self.time, self.value, self.isMatched) = (time, value, isMatched)
    }
    @inlinable public func store(into writer: inout ByteWriter) {
        time.store(into: &writer)
        isMatched.store(into: &writer)
        value.store(into: &writer)
    }
    @inlinable public static func load(from reader: inout ByteReader) throws -> JoinRow {
        let time = try EventTime.load(from: &reader)
        let isMatched = try Bool.load(from: &reader)
        return JoinRow(time: time, value: try .load(from: &reader), isMatched: isMatched)
    }
}

/// The rows of one side and key in the order of time; of equal times in the order of arrival.
public struct JoinRows<Value: Storable>: Storable {
    @usableFromInline var rows: [JoinRow<Value>] = []

    @inlinable init() {}
    @inlinable public func store(into writer: inout ByteWriter) { rows.store(into: &writer) }
    @inlinable public static func load(from reader: inout ByteReader) throws -> JoinRows {
        var made = JoinRows()
        made.rows = try .load(from: &reader)
        return made
    }

    @inlinable var isEmpty: Bool { rows.isEmpty }
    @inlinable var first: EventTime? { rows.first?.time }

    /// The first row at or after a time.
    @inlinable func index(from time: EventTime) -> Int {
        var (low, high) = (0, rows.count)
        while low < high {
            let middle = (low + high) / 2
            if rows[middle].time < time { low = middle + 1 } else { high = middle }
        }
        return low
    }
    @inlinable mutating func insert(_ row: JoinRow<Value>) throws {
        if rows.count >= Limits.joinRows { throw JoinFault.tooManyRows }
        if let last = rows.last, last.time > row.time {
            var (low, high) = (0, rows.count)
            while low < high {
                let middle = (low + high) / 2
                if rows[middle].time <= row.time { low = middle + 1 } else { high = middle }
            }
            rows.insert(row, at: low)
        } else {
            rows.append(row)
        }
    }
    /// Calls `body` for the rows from `start` to `end`, both included, and marks them as matched. Returns whether
    /// there were any.
    @inlinable mutating func match(
        from start: EventTime, through end: EventTime, _ body: (Value, EventTime) throws -> Void
    ) rethrows -> Bool {
        var at = index(from: start)
        let first = at
        while at < rows.count, rows[at].time <= end {
            try body(rows[at].value, rows[at].time)
            at += 1
        }
        for index in first..<at { rows[index].isMatched = true }
        return at > first
    }
    /// Takes out the rows before a time, calling `body` for those without a partner.
    @inlinable mutating func drop(
        before time: EventTime, _ body: (Value, EventTime) throws -> Void
    ) rethrows {
        let end = index(from: time)
        for index in 0..<end where !rows[index].isMatched { try body(rows[index].value, rows[index].time) }
        rows.removeFirst(end)
    }
}

/// Both sides of one key.
public struct JoinSides<Left: Storable, Right: Storable>: Storable {
    @usableFromInline var left = JoinRows<Left>()
    @usableFromInline var right = JoinRows<Right>()

    @inlinable init() {}
    @inlinable public func store(into writer: inout ByteWriter) {
        left.store(into: &writer)
        right.store(into: &writer)
    }
    @inlinable public static func load(from reader: inout ByteReader) throws -> JoinSides {
        var made = JoinSides()
        made.left = try .load(from: &reader)
        made.right = try .load(from: &reader)
        return made
    }
    @inlinable var isEmpty: Bool { left.isEmpty && right.isEmpty }
}

public enum JoinFault: Error, Sendable, CustomStringConvertible {
    /// One key has `Limits.joinRows` rows waiting on one side.
    case tooManyRows
    public var description: String {
        "more than \(Limits.joinRows) rows of one key wait for a partner; narrow the join or choose a finer key"
    }
}

extension Limits {
    /// Rows of one key on one side of a join that wait at once. A key's rows are stored as one value, so this bounds
    /// what one record can make a commit write.
    public static let joinRows = 100_000
}
