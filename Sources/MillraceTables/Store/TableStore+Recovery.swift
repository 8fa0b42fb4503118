import MillraceCore

extension TableStore {
    /// Reads the write-ahead logs before RocksDB replays and deletes them: damage before the mark is loss, damage after
    /// it a torn tail that nobody was promised.
    func checkLogs(against mark: DurableMark.Position) throws(Failure) {
        var reach: WriteAheadLog.Reach?
        do throws(IOFault) {
            if try storage.status(of: rocksDirectory) != nil {
                reach = try WriteAheadLog.scan(rocksDirectory, storage)
            }
        } catch {
            throw Failure(error, "the write-ahead log of the tables cannot be read")
        }
        guard mark.sequence > 0, !options.acceptsLoss else { return }
        guard let reach else { throw Self.loss(mark, "\(rocksDirectory) is missing", place: rocksDirectory) }
        guard let damage = reach.damage, reach.lastSequence < mark.sequence else { return }
        throw Self.loss(
            mark, "\(damage.file) is damaged at byte \(damage.position), behind operation \(reach.lastSequence)",
            place: damage.file)
    }

    /// The last word, whatever was damaged or is missing: the database has to reach the mark.
    func check(_ database: Database, against mark: DurableMark.Position) throws(Failure) {
        let reached = database.latestSequence
        guard reached < mark.sequence, !options.acceptsLoss else { return }
        throw Self.loss(mark, "the files end at operation \(reached)", place: directory)
    }

    private static func loss(_ mark: DurableMark.Position, _ what: String, place: String = "") -> Failure {
        Failure(
            .corrupt,
            "\(what), but everything up to operation \(mark.sequence), commit \(mark.commit), was acknowledged",
            advice: "Restore the newest snapshot, or open with acceptsLoss to go on with what is there",
            place: place, isFatal: true)
    }
}
