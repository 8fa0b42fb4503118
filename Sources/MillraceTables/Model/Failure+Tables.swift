public import MillraceCore

extension Failure.Code {
    /// A value does not fit the column's type, or a type is not allowed where it stands.
    public static let wrongType = Failure.Code("wrong-type")
    /// A schema, or a change of one, that cannot be. Nothing was changed.
    public static let invalidSchema = Failure.Code("invalid-schema")
}
