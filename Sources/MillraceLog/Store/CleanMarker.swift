internal import MillraceCore

/// The file that says the last run ended with everything synced.
enum CleanMarker {
    private static let file = CheckedFile(magic: "MRCLEAN\n", version: 1)
    private static func path(_ context: StoreContext) -> String { context.directory + "/clean" }

    /// Whether the marker was there. It is gone, durably, before anything else happens: a crash from now on is unclean.
    static func take(_ context: StoreContext) throws(Failure) -> Bool {
        try attempting("The clean-shutdown marker could not be removed") { () throws(IOFault) in
            guard let bytes = try context.storage.contents(of: path(context), limit: 4_096) else { return false }
            try context.storage.unlink(path(context))
            try context.storage.syncDirectory(context.directory)
            do throws(ByteFault) {
                _ = try file.decode(bytes)
                return true
            } catch { return false }
        }
    }

    static func leave(_ context: StoreContext) throws(Failure) {
        try attempting("The clean-shutdown marker could not be written") { () throws(IOFault) in
            try context.storage.replace(path(context), with: file.encode([]))
        }
    }
}
