internal import MillraceCore
internal import MillraceTables

/// Counts the starts of a node, in the store and beside it, so that tables which were put back from an older copy are
/// noticed: the log has gone on since then, and what they would do again is in it already.
enum StoreGeneration {
    private static let key = Array("\u{0}generation".utf8)

    /// Counts this start, or refuses a store that has seen fewer than the directory.
    static func count(_ tables: TableStore, in directory: DataDirectory, storage: any Storage) throws(Failure) {
        let path = directory.path + "/generation"
        let stored = try tables.state(key).flatMap { number($0) } ?? 0
        var text: [UInt8]?
        do throws(IOFault) { text = try storage.contents(of: path, limit: 64) } catch {
            throw Failure(error, "the count of starts cannot be read")
        }
        guard let noted = text.map(number) ?? 0 else {
            throw Failure(
                .corrupt, "the count of starts cannot be read", advice: "Put back the whole directory from one copy",
                place: path, isFatal: true)
        }
        guard stored >= noted else {
            throw Failure(
                .incompatible, "the tables are those of start \(stored), and the data directory has had \(noted)",
                advice:
                    "Put back the whole directory from one copy: its log has records that these tables know nothing of",
                place: directory.path, isFatal: true)
        }
        // The store first: a crash in between leaves it ahead, which is no older copy.
        let next = Array("\(stored + 1)\n".utf8)
        var commit = tables.begin(ties: .byOrder)
        commit.setState(key, next)
        try tables.commit(commit)
        do throws(IOFault) { try storage.replace(path, with: next) } catch {
            throw Failure(error, "the count of starts cannot be written")
        }
    }

    private static func number(_ bytes: [UInt8]) -> Int64? {
        Int64(String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self))
    }
}
