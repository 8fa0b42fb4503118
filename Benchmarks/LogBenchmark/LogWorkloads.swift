public import BenchmarkHarness

/// The log beside raw I/O of the same bytes in the same pattern.
public let logWorkloads: [Workload] =
    appendWorkloads + produceWorkloads + scanWorkloads + lookUpWorkloads + recoveryWorkloads + openWorkloads
