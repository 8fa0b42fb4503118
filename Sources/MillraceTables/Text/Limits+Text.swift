public import MillraceCore

extension Limits {
    /// Levels of arrays and objects in JSON that is read: as deep as a type may nest, and the row around it.
    public static let jsonDepth = typeDepth + 2
    /// Bytes of one row as a line of JSON or a record of CSV: a row has to fit in memory several times.
    public static let rowTextBytes = 128 << 20
}
