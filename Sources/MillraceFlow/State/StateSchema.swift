public import MillraceCore

extension StateSchema {
    /// The key under which a step's schema is stored, and the kinds of the step's other keys.
    public enum Kind: UInt8, Sendable { case schema = 0, header = 1, entry = 2 }

    /// `length ‖ name ‖ kind`, in front of every key of a step.
    public static func writePrefix(_ name: String, _ kind: Kind, into writer: inout ByteWriter) {
        writer.unsignedVarint(UInt64(name.utf8.count))
        writer.text(name)
        writer.byte(kind.rawValue)
    }
    public static func prefix(_ name: String, _ kind: Kind) -> [UInt8] {
        var writer = ByteWriter()
        writePrefix(name, kind, into: &writer)
        return writer.bytes
    }

    public func store(_ name: String, into delta: inout StateDelta) {
        delta.put(key: { Self.writePrefix(name, .schema, into: &$0) }) { writer in
            Int64(version).store(into: &writer)
            layout.store(into: &writer)
        }
    }

    /// The schema that the state of a step was written under; `nil` when there is none.
    public static func stored(_ name: String, in reader: any StateReader) throws(Failure) -> StateSchema? {
        var found: StateSchema?
        var fault: (any Error)?
        try prefix(name, .schema).lending { (key) throws(Failure) in
            try reader.read(key) { bytes in
                guard let bytes else { return }
                var input = ByteReader(bytes)
                do {
                    let version = try Int64.load(from: &input)
                    found = StateSchema(version: Int(version), layout: try String.load(from: &input))
                } catch { fault = error }
            }
        }
        if let fault {
            throw Failure(.corrupt, "the schema of state \"\(name)\" cannot be read", place: name, cause: fault)
        }
        return found
    }

    /// Refuses state that was written under another schema. No state at all is fine.
    ///
    /// - Parameter frame: what the layout begins with and no migration changes: the key, the window.
    /// - Returns: the older version that the values have to be brought over from; `nil` when they are up to date.
    public func check(_ name: String, frame: String, in reader: any StateReader) throws(Failure) -> Int? {
        guard let found = try Self.stored(name, in: reader), found != self else { return nil }
        if found.version < version, found.layout.hasPrefix(frame) { return found.version }
        throw incompatible(
            name, found, advice: "Give the step a new name to start afresh, or run the release that wrote the state")
    }
    func incompatible(_ name: String, _ found: StateSchema, advice: String) -> Failure {
        Failure(
            .incompatible, "state \"\(name)\" was stored as \(found), this program keeps \(self)", advice: advice,
            place: name)
    }
    /// For a step that does not say how to bring a value over.
    func noMigration(_ name: String, from version: Int) -> Failure {
        incompatible(
            name, StateSchema(version: version, layout: "values"),
            advice: "Say in migrate(_:from:) how to read values of version \(version), "
                + "or give the step a new name to start afresh")
    }
}
