public import MillraceCore

extension Limits {
    /// Bytes of one JSON document. The C shim holds the same number.
    public static let jsonBytes = 1 << 20
    /// Arrays and objects inside one another: far beyond real records, and one bit each in the walker.
    public static let jsonDepth = 64
    /// Fields a `FieldRecord` may name: one bit each while a document is read.
    public static let recordFields = 64
    /// Keys of an object up to which a lookup compares all of them. Beyond, a table of keys is made once.
    public static let jsonKeysComparedOneByOne = 64
}
