import Testing

@Suite struct SemanticsTests {
    /// Seeds that found a fault once, by the policy they ran under.
    static let failingSeeds: [(seed: UInt64, policy: TimestampPolicy)] = [
        // Null for a collection deleted what the same commit added.
        (188_851_025, .commits), (188_851_026, .any), (663_668_040, .commits), (663_668_042, .any),
        // A compaction took a tombstone from under an older write that had come after it.
        (140_433_188, .any),
        // A whole row hid a deletion from an older write to a column that was added after both.
        (717_561_271, .any),
    ]

    /// Steps of one workload; then a fresh store, since the model keeps every version. 100,000 in all by default.
    static let steps = 200

    @Test(arguments: TimestampPolicy.allCases) func randomWorkloads(policy: TimestampPolicy) throws {
        for run in 0..<TestRun.count(250) {
            let seed = TestRun.seed &+ UInt64(run)
            try Workload(seed: seed, policy: policy).run(steps: SemanticsTests.steps)
        }
    }

    @Test func failedOnce() throws {
        for (seed, policy) in SemanticsTests.failingSeeds {
            try Workload(seed: seed, policy: policy).run(steps: SemanticsTests.steps)
        }
    }
}
