internal import CPlatform

extension HostProcess {
    /// All environment variables, as they are now.
    public static func environment() -> [String: String] {
        var variables: [String: String] = [:]
        var entry = mr_environment()
        while let current = entry?.pointee {
            let text = String(cString: current)
            if let equals = text.firstIndex(of: "=") {
                variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            entry = entry?.successor()
        }
        return variables
    }

    /// The name the program was called by, without its directory.
    public static func programName() -> String {
        let path = CommandLine.arguments.first ?? "millrace"
        return path.split(separator: "/").last.map(String.init) ?? path
    }
}
