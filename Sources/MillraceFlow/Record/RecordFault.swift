/// Why bytes are not the record they should be. A value, not an operating failure: it goes to the dead letters.
public struct RecordFault: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: String, Sendable, Hashable, CaseIterable {
        /// Not JSON: a character where the grammar does not allow it.
        case syntax
        /// The document ends too early.
        case truncated
        /// Bytes that are not UTF-8.
        case invalidUTF8
        /// An unknown escape, or half of a surrogate pair.
        case invalidEscape
        /// An unescaped control character in a string.
        case controlCharacter
        /// More than `Limits.jsonDepth` arrays and objects inside one another.
        case tooDeep
        /// More than `Limits.jsonBytes`.
        case tooLarge
        /// Something follows the document.
        case trailingBytes
        /// Not a number by JSON's grammar.
        case invalidNumber
        /// A field that is read is there twice.
        case duplicateField
        /// A field that must be there is not, or is null.
        case missingField
        /// A field of another type.
        case wrongType
        /// A number that the field's type cannot hold.
        case outOfRange
        /// Text that is not a time, an identifier or one of the allowed words.
        case invalidText
        /// A compact record of a schema version this program does not know.
        case unknownVersion
        /// What the record's own code threw.
        case custom
        /// No memory for the parser.
        case noMemory
    }
    public let reason: Reason
    /// Byte position in the value where it was noticed.
    public let position: Int
    /// The field, as `order.items[2].price`; empty for the record as a whole.
    public let field: String
    /// What was expected or met, for people.
    public let detail: String

    public init(_ reason: Reason, at position: Int, field: String = "", detail: String = "") {
        (self.reason, self.position, self.field, self.detail) = (reason, position, field, detail)
    }

    /// `missingField at byte 17 in order.price: expected a number`
    public var description: String {
        var text = "\(reason.rawValue) at byte \(position)"
        if !field.isEmpty { text += " in \(field)" }
        if !detail.isEmpty { text += ": \(detail)" }
        return text
    }
}
