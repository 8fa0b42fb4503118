internal import MillraceCore

/// The files that a source reads, each a partition: one, or those of a directory in the order of their names.
struct InputFiles: Sendable {
    /// The file or the directory.
    let name: String
    let paths: [String]
    private let storage: any Storage

    init(file path: String, _ storage: any Storage) { (name, paths, self.storage) = (path, [path], storage) }

    init(directory path: String, suffix: String, _ storage: any Storage) throws(Failure) {
        do throws(IOFault) {
            paths = try storage.list(path).filter { $0.hasSuffix(suffix) }.map { path + "/" + $0 }
        } catch { throw Failure(error, "the directory cannot be read") }
        guard !paths.isEmpty else {
            throw Failure(
                .notFound, "no file in the directory ends in \(suffix)",
                advice: "Put the files there before the start: a partition is a file", place: path)
        }
        (name, self.storage) = (path, storage)
    }

    /// A file that is not there is found before anything is read, and does not become so by trying again.
    func check() throws(Failure) {
        for path in paths {
            var kind: FileStatus.Kind?
            do throws(IOFault) { kind = try storage.status(of: path)?.kind } catch {
                throw Failure(error, "the file cannot be looked at")
            }
            guard kind == .file else {
                throw Failure(
                    .notFound, "there is no such file to read",
                    advice: "Check the path; it begins at the directory the program was started in",
                    place: path, isFatal: true)
            }
        }
    }

    func open(_ partition: Int) throws(Failure) -> any StorageFile {
        do throws(IOFault) { return try storage.open(paths[partition], .read) } catch {
            throw Failure(error, "the file cannot be read")
        }
    }
}
