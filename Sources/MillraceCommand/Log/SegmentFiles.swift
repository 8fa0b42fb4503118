import MillraceCore
import MillraceEngine
import MillraceLog

/// The segment files of a log's directory, found by their names alone.
struct SegmentFiles {
    struct Partition {
        let topic: String
        let index: Int
        /// Paths in the order of their offsets.
        let files: [String]
    }
    let partitions: [Partition]

    /// - Parameter wanted: topics, or partitions as `topic/3`; empty means all.
    init(log: String, storage: any Storage, wanted: [String]) throws(Failure) {
        var found: [Partition] = []
        var missing = Set(wanted)
        do throws(IOFault) {
            let root = log + "/topics"
            let topics = try storage.status(of: root) == nil ? [] : try storage.list(root)
            for topic in topics {
                for index in try storage.list("\(root)/\(topic)").compactMap({ Int($0) }).sorted() {
                    let isWanted = wanted.isEmpty || wanted.contains(topic) || wanted.contains("\(topic)/\(index)")
                    guard isWanted else { continue }
                    missing.subtract([topic, "\(topic)/\(index)"])
                    let directory = "\(root)/\(topic)/\(index)"
                    let files = try storage.list(directory).filter { $0.hasSuffix(".log") }
                    found.append(Partition(topic: topic, index: index, files: files.map { "\(directory)/\($0)" }))
                }
            }
        } catch { throw Failure(error, "the log's files cannot be listed") }
        if let name = missing.min() {
            let near = Spelling.nearest(to: name, in: found.map(\.topic))
            throw Failure(
                .notFound, "there is no topic or partition '\(name)'",
                advice: near.map { "Did you mean '\($0)'?" } ?? "See 'millrace log list'")
        }
        partitions = found
    }

    func bytes(_ storage: any Storage) throws(Failure) -> Int64 {
        var total: Int64 = 0
        do throws(IOFault) {
            for path in partitions.flatMap(\.files) { total += try storage.status(of: path)?.size ?? 0 }
        } catch { throw Failure(error, "the log's files cannot be looked at") }
        return total
    }
}
