/// A program that runs a topology. Give it `@main` and a `topology`; the rest is here: settings from code, file,
/// environment and arguments, signals, and the verbs of the command line.
///
/// ```
/// site                  run the node (also: site run)
/// site describe         print the plan
/// site check            check the topology and the settings, run nothing
/// site status | why PIPELINE | explain TABLE KEY… | dead-letters PIPELINE
///                       ask the node that runs on the data directory
/// site --print-config   print the configuration in force and where each value comes from
/// ```
public protocol StreamApp: Sendable {
    init()
    @TopologyBuilder var topology: Topology { get }
    /// The settings before file, environment and arguments have their say.
    var settings: NodeSettings { get }
}

extension StreamApp {
    public var settings: NodeSettings { NodeSettings() }
}
