public import MillraceCore

/// JSON for any `Codable` value, without Foundation.
///
/// - Numbers follow JSON's grammar; an integer must be written as one (`1`, not `1.0`) and fit its type, a `Double`
///   must be finite (`1e999` is refused).
/// - Fields nobody reads are ignored, but not their grammar: every byte of the document is checked.
/// - A field that is read must not be there twice.
/// - `EventTime` is a whole number of microseconds since 1970 or RFC 3339 text, and is written as the number.
public enum JSON {
    /// - Throws: `RecordFault` with the byte position and the field's path, also for errors the type's own code throws.
    public static func decode<T: Decodable>(_: T.Type, from bytes: UnsafeRawBufferPointer) throws(RecordFault) -> T {
        try JSONDocument.with(bytes, of: T.self) { (document) throws(RecordFault) -> T in
            do {
                return try JSONValue(document: document, index: 0).decode(T.self)
            } catch {
                throw fault(error, in: document)
            }
        }
    }

    private static func fault(_ error: any Error, in document: JSONDocument) -> RecordFault {
        if let fault = error as? RecordFault { return fault }
        guard let error = error as? DecodingError else {
            return RecordFault(.custom, at: 0, detail: "\(error)")
        }
        let context: DecodingError.Context
        var missing: String?
        var reason = RecordFault.Reason.custom
        switch error {
        case .dataCorrupted(let found): (context, reason) = (found, .invalidText)
        case .typeMismatch(_, let found): (context, reason) = (found, .wrongType)
        case .valueNotFound(_, let found): (context, reason) = (found, .missingField)
        case .keyNotFound(let key, let found): (context, reason, missing) = (found, .missingField, key.stringValue)
        @unknown default: return RecordFault(.custom, at: 0, detail: "\(error)")
        }
        if let fault = context.underlyingError as? RecordFault { return fault }
        return document.fault(
            reason, at: document.token(at: context.codingPath), missing: missing, detail: context.debugDescription)
    }

    /// Appends the value's JSON. A number that JSON cannot write (infinity, not a number) is `null`.
    /// - Throws: what the value's own `encode(to:)` threw, as `.custom`; `writer` is then as it was.
    public static func encode(_ value: some Encodable, into writer: inout ByteWriter) throws(RecordFault) {
        let start = writer.count
        let sink = JSONSink(writer)
        writer = ByteWriter()
        do {
            try sink.write(encoding: value)
            sink.closeAll()
            writer = sink.takeBytes()
        } catch {
            sink.closeAll()
            writer = sink.takeBytes()
            writer.bytes.removeLast(writer.count - start)
            throw RecordFault(.custom, at: 0, detail: "\(error)")
        }
    }
}
