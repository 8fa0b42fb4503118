import CRocksDB
import MillraceCore

/// RocksDB's own option objects, owned together because they must outlive the database that was opened with them.
///
/// Order of closing: the database first, then `options` (which frees the merge operator), then the compaction filter
/// (RocksDB holds it as a bare pointer), then the block options' cache reference.
final class NativeOptions {
    let options: OpaquePointer
    private let cache: OpaquePointer
    private let table: OpaquePointer
    private let filter: OpaquePointer

    init(_ ours: DatabaseOptions, purge: PurgeRules) {
        options = rocksdb_options_create()
        table = rocksdb_block_based_options_create()
        cache = rocksdb_cache_create_lru(ours.blockCacheBytes)
        filter = makePurgeFilter(purge)

        rocksdb_block_based_options_set_block_cache(table, cache)
        rocksdb_block_based_options_set_block_size(table, ours.blockBytes)
        rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom_full(ours.bloomBits))
        // 5 is the newest format 7.8 writes and brings the faster bloom filter.
        rocksdb_block_based_options_set_format_version(table, 5)
        rocksdb_options_set_block_based_table_factory(options, table)

        rocksdb_options_set_create_if_missing(options, ours.mustExist ? 0 : 1)
        // A corrupt file or record stops us instead of being stepped over.
        rocksdb_options_set_paranoid_checks(options, 1)
        // Point in time: recovery stops at the first bad record; whether that was silent loss is for the mark to say.
        rocksdb_options_set_wal_recovery_mode(options, Int32(rocksdb_point_in_time_recovery))
        // One flush thread and two memtables: parallel flushes of more of them can fail out of order (fixed in 7.9).
        rocksdb_options_set_max_background_flushes(options, 1)
        rocksdb_options_set_max_write_buffer_number(options, 2)
        rocksdb_options_set_max_background_compactions(options, Int32(ours.compactions))
        rocksdb_options_set_write_buffer_size(options, ours.writeBufferBytes)
        rocksdb_options_set_max_bytes_for_level_base(options, UInt64(ours.levelBaseBytes))
        rocksdb_options_set_target_file_size_base(options, UInt64(ours.fileBytes))
        // Keeps dead bytes near 10 % of the live ones whatever the size of the last level.
        rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1)
        rocksdb_options_set_max_open_files(options, Int32(ours.openFiles))
        rocksdb_options_set_compression(
            options, Int32(ours.compresses ? rocksdb_lz4_compression : rocksdb_no_compression))
        // Spreads write-back of large files so that a commit's sync does not wait for all of it.
        rocksdb_options_set_bytes_per_sync(options, 1 << 20)
        // Said again though they are the defaults: see the type's comment.
        rocksdb_options_set_recycle_log_file_num(options, 0)
        rocksdb_options_set_wal_compression(options, Int32(rocksdb_no_compression))
        rocksdb_options_set_WAL_ttl_seconds(options, 0)
        rocksdb_options_set_WAL_size_limit_MB(options, 0)
        rocksdb_options_set_atomic_flush(options, 0)
        // No statistics thread and no dump into the info log: our metrics ask for properties.
        rocksdb_options_set_stats_dump_period_sec(options, 0)
        rocksdb_options_set_stats_persist_period_sec(options, 0)
        // Above every level: RocksDB must not write its own log file. Debian builds it with assertions, and one of them
        // ends the process at the second line it cannot write there, on a disk that fails or is full.
        rocksdb_options_set_info_log_level(options, 6)
        rocksdb_options_set_keep_log_file_num(options, 3)
        rocksdb_options_set_max_log_file_size(options, 1 << 20)

        rocksdb_options_set_merge_operator(options, makeMergeOperator(purge))
        rocksdb_options_set_compaction_filter(options, filter)
    }

    deinit {
        rocksdb_options_destroy(options)
        rocksdb_compactionfilter_destroy(filter)
        rocksdb_block_based_options_destroy(table)
        rocksdb_cache_destroy(cache)
    }

    var cacheBytes: Int { rocksdb_cache_get_usage(cache) }
}
