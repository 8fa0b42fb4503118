#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What a program gets from the process it runs in: arguments, environment, a seed, and the way out. A value, so that a
/// test hands in its own.
public struct HostProcess: Sendable {
    /// Without the program's name.
    public var arguments: [String]
    public var variable: @Sendable (_ name: String) -> String?
    /// The real one does not return; a test's does, so return after calling it.
    public var exit: @Sendable (_ code: Int32) -> Void
    /// Unpredictable bits to seed a `SeededRandom` with.
    public var entropy: @Sendable () -> UInt64

    public init(
        arguments: [String], variable: @escaping @Sendable (String) -> String?,
        exit: @escaping @Sendable (Int32) -> Void, entropy: @escaping @Sendable () -> UInt64
    ) {
        (self.arguments, self.variable, self.exit, self.entropy) = (arguments, variable, exit, entropy)
    }

    public static let system = HostProcess(
        arguments: Array(CommandLine.arguments.dropFirst()),
        variable: { name in getenv(name).map { String(cString: $0) } },
        exit: { posixExit($0) },
        entropy: {
            var generator = SystemRandomNumberGenerator()
            return generator.next()
        })
}

private func posixExit(_ code: Int32) { exit(code) }
