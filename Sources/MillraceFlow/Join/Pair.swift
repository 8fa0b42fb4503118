public import MillraceCore

/// Two values that a join brought together. A side that may be missing is an optional.
public struct Pair<Left: Sendable, Right: Sendable>: Sendable {
    public var left: Left
    public var right: Right
    @inlinable @inline(__always) public init(_ left: Left, _ right: Right) { (self.left, self.right) = (left, right) }
}

extension Pair: Equatable where Left: Equatable, Right: Equatable {}
extension Pair: Hashable where Left: Hashable, Right: Hashable {}

extension Pair: Storable where Left: Storable, Right: Storable {
    @inlinable public func store(into writer: inout ByteWriter) {
        left.store(into: &writer)
        right.store(into: &writer)
    }
    @inlinable public static func load(from reader: inout ByteReader) throws -> Pair {
        Pair(try .load(from: &reader), try .load(from: &reader))
    }
}

/// Which rows without a partner a join gives, and so the type of its results.
public protocol JoinShape: SendableMetatype {
    associatedtype Left: Storable
    associatedtype Right: Storable
    associatedtype Result: Sendable
    static func both(_ left: Left, _ right: Right) -> Result
    static func only(left: Left) -> Result?
    static func only(right: Right) -> Result?
    /// Rows without a partner are results too.
    static var keepsAlone: Bool { get }
    static var name: String { get }
}

/// Only rows with a partner.
public enum InnerJoin<Left: Storable, Right: Storable>: JoinShape {
    @inlinable public static func both(_ left: Left, _ right: Right) -> Pair<Left, Right> { Pair(left, right) }
    @inlinable public static func only(left: Left) -> Pair<Left, Right>? { nil }
    @inlinable public static func only(right: Right) -> Pair<Left, Right>? { nil }
    @inlinable public static var keepsAlone: Bool { false }
    public static var name: String { "inner join" }
}
/// Every left row, without a partner once none can come any more.
public enum LeftJoin<Left: Storable, Right: Storable>: JoinShape {
    @inlinable public static func both(_ left: Left, _ right: Right) -> Pair<Left, Right?> { Pair(left, right) }
    @inlinable public static func only(left: Left) -> Pair<Left, Right?>? { Pair(left, nil) }
    @inlinable public static func only(right: Right) -> Pair<Left, Right?>? { nil }
    @inlinable public static var keepsAlone: Bool { true }
    public static var name: String { "left join" }
}
/// Every right row.
public enum RightJoin<Left: Storable, Right: Storable>: JoinShape {
    @inlinable public static func both(_ left: Left, _ right: Right) -> Pair<Left?, Right> { Pair(left, right) }
    @inlinable public static func only(left: Left) -> Pair<Left?, Right>? { nil }
    @inlinable public static func only(right: Right) -> Pair<Left?, Right>? { Pair(nil, right) }
    @inlinable public static var keepsAlone: Bool { true }
    public static var name: String { "right join" }
}
/// Every row of both.
public enum FullJoin<Left: Storable, Right: Storable>: JoinShape {
    @inlinable public static func both(_ left: Left, _ right: Right) -> Pair<Left?, Right?> { Pair(left, right) }
    @inlinable public static func only(left: Left) -> Pair<Left?, Right?>? { Pair(left, nil) }
    @inlinable public static func only(right: Right) -> Pair<Left?, Right?>? { Pair(nil, right) }
    @inlinable public static var keepsAlone: Bool { true }
    public static var name: String { "full join" }
}
