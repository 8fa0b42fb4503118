import MillraceCore

/// How RocksDB is set up. Ours alone: what is not here cannot be set, and each choice carries its reason.
///
/// Never set, because 7.8.3 loses or resurrects data with them (reasons in RocksDB's own change log up to 10.9): WAL
/// compression, WAL recycling, WAL time-to-live, `disableWAL`, atomic flush, checkpoints without a flush.
struct DatabaseOptions: Sendable {
    /// Data, index and filter blocks held in memory. The largest single budget of the store.
    var blockCacheBytes = 64 << 20
    /// One memtable. Two exist at most, so memory for writes is twice this.
    var writeBufferBytes = 32 << 20
    /// Size of an SST's data block before compression: 4 KiB is a page, and a random get decompresses one block.
    var blockBytes = 4 << 10
    /// Bits per key of the bloom filters: 10 give 1 % false positives for 1.25 bytes a key.
    var bloomBits = 10.0
    /// Open SST files. Bounds descriptors and the table readers' memory.
    var openFiles = 1_000
    /// Background compaction threads: one leaves the other core of a small machine to the lanes.
    var compactions = 1
    /// Size at which level 0 moves down; tests make it small.
    var levelBaseBytes = 128 << 20
    /// Target size of an SST file.
    var fileBytes = 32 << 20
    /// LZ4 costs less than the I/O it saves; off for tests that flip bits.
    var compresses = true
    /// Opened for reading alone: nothing in the directory changes.
    var readOnly = false
    /// An error when nothing is there, instead of a fresh store.
    var mustExist = false
}
