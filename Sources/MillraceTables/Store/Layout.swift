import MillraceCore

/// Which keys mean what. One ordered space holds everything, so that one write batch and one snapshot cover it all.
enum Layout {
    /// Single facts about the store: its format, the last commit's id.
    static let facts: UInt8 = 0x00
    /// Keyspaces, types and tables.
    static let schema: UInt8 = 0x01
    /// Commit id → provenance.
    static let commits: UInt8 = 0x02
    /// Opaque keys of pipelines.
    static let state: UInt8 = 0x03
    /// Table id → what its writers have done so far (`TableFacts`).
    static let tableFacts: UInt8 = 0x04
    /// From here on: rows. A table's id is the first four bytes of its keys, so ids start at 0x1000_0000.
    static let firstRowSpace: UInt8 = 0x10
    static let firstTable: UInt32 = 0x1000_0000

    static let formatKey: [UInt8] = [facts] + Array("format".utf8)
    static let clockKey: [UInt8] = [facts] + Array("clock".utf8)
    static let nextTableKey: [UInt8] = [facts] + Array("table".utf8)
    /// Raised whenever an older program would misread the store.
    static let format: UInt8 = 1

    static let everything = KeyRange([0x00], [0xFF])

    static func commitKey(_ id: Int64) -> [UInt8] { [commits] + bigEndian(id) }
    static func tableFactsKey(_ id: UInt32) -> [UInt8] { [tableFacts] + bigEndian(id) }
    static func tablePrefix(_ id: UInt32) -> [UInt8] { bigEndian(id) }

    static func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }
}

/// What stands between the partition and the clustering key in a row's key.
enum RowSpace {
    static let ranges: UInt8 = 0
    static let fixed: UInt8 = 1
    static let rows: UInt8 = 2
    static let end: UInt8 = 3
}
