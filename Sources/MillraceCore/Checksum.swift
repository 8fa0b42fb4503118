public import CPlatform

/// CRC-32C, the checksum of Kafka's batches and of our own headers. Hardware where there is any.
public enum CRC32C {
    @inlinable public static func of(_ bytes: UnsafeRawBufferPointer, continuing seed: UInt32 = 0) -> UInt32 {
        mr_crc32c(seed, bytes.baseAddress, bytes.count)
    }
    /// The table path, for the test that holds both against each other.
    @inlinable public static func portable(_ bytes: UnsafeRawBufferPointer, continuing seed: UInt32 = 0) -> UInt32 {
        mr_crc32c_portable(seed, bytes.baseAddress, bytes.count)
    }
}
