internal import MillraceCore
internal import MillraceTables

/// Remembers what a source's partitions are called, since its tasks' positions are kept by number: a directory whose
/// files have changed places must not be read on from the positions of others.
struct PartitionNames {
    let store: TableStore

    /// Refuses a source whose known partitions have other names than at the last start. New ones at the end are noted.
    func check(_ source: any Source, pipeline: String, input: Int) throws(Failure) {
        let names = source.partitionNames
        guard !names.isEmpty else { return }
        let key = Array("\u{0}inputs/\(pipeline)/\(input)".utf8)
        let known = try store.state(key).map { String(decoding: $0, as: UTF8.self).split(separator: "\n") } ?? []
        for (index, name) in known.enumerated() where !names.indices.contains(index) || names[index] != name {
            let now = names.indices.contains(index) ? "now it is \(names[index])" : "now there is none"
            throw Failure(
                .incompatible, "partition \(index) of \(source.name) was \(name), and \(now)",
                advice: "Leave what was read where it is, and give new files names that sort behind the others; "
                    + "or give the pipeline a new name, so that it starts afresh", place: pipeline, isFatal: true)
        }
        guard names.count > known.count else { return }
        var commit = store.begin(ties: .byOrder)
        commit.setState(key, Array(names.joined(separator: "\n").utf8))
        try store.commit(commit)
    }
}
