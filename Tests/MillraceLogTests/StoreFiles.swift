import Foundation

/// A new directory on the real disk.
func temporaryDirectory() throws -> String {
    let url = URL(fileURLWithPath: NSTemporaryDirectory()).appendingPathComponent("millrace-log-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    return url.path
}
func removeDirectory(_ path: String) throws { try FileManager.default.removeItem(atPath: path) }
