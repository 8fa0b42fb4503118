internal import CSimdjson

/// What the calling thread expects of its next documents: that they look like the last one of their type, but for the
/// values. One that does is checked and not searched, which is quicker and gives the same. For tests and measurements.
public enum JSONLayouts {
    /// Documents that looked as expected.
    public static var documentsAsExpected: UInt64 { mr_json_expected() }
    /// Expects nothing any more: the next document is read the full way. Not from inside a record's `init`.
    public static func forget() { mr_json_forget() }
}
