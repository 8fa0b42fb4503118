internal import CPlatform
internal import Counters
internal import MillraceCore

/// The cost of a piece of an execution, for workloads that must make something ready before it or clear up behind.
public struct Part: Sendable {
    public var wallSeconds: Double
    public var cpuSeconds: Double
    /// `nil` where they cannot be counted.
    public var allocations: Int64?
    public var instructions: Int64?

    public init(wallSeconds: Double, cpuSeconds: Double) {
        (self.wallSeconds, self.cpuSeconds) = (wallSeconds, cpuSeconds)
    }

    public static func timing<R>(_ body: () throws -> R) rethrows -> (R, Part) {
        let clock = ContinuousClock()
        let (allocations, instructions) = (counted_allocations(), counted_instructions())
        let (cpu, start) = (mr_process_cpu_ns(), clock.now)
        let result = try body()
        let (seconds, attoseconds) = start.duration(to: clock.now).components
        var part = Part(
            wallSeconds: Double(seconds) + Double(attoseconds) * 1e-18,
            cpuSeconds: Double(mr_process_cpu_ns() - cpu) * 1e-9)
        if instructions >= 0 { part.instructions = counted_instructions() - instructions }
        if allocations >= 0 { part.allocations = counted_allocations() - allocations }
        return (result, part)
    }
}
