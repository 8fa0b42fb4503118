public import MillraceCore
public import MillraceEngine

extension NodeAttachment {
    /// The console of a topology that asks for one, or of a node whose settings name a port.
    ///
    /// - Parameter entropy: unpredictable bits, for the token.
    public static func console(
        storage: any Storage = PosixStorage(), entropy: @escaping @Sendable () -> UInt64
    ) -> NodeAttachment {
        NodeAttachment { (node, configuration) async throws(Failure) in
            guard let port = node.settings.consolePort ?? node.topology.consolePort else { return {} }
            let directory = node.settings.dataDirectory
            let token = try await onThread { () throws(Failure) in
                try TokenFile.load(directory: directory, storage: storage, entropy: entropy)
            }
            var options = ConsoleServer.Options(port: port)
            let address = node.settings.consoleAddress
            options.isPublic = !["127.0.0.1", "::1", "localhost"].contains(address)
            if options.isPublic, address != "0.0.0.0", address != "::" { options.hosts = [address] }
            let backend = ConsoleBackend(
                status: { node.status() }, inspector: (node as AnyObject) as? any NodeInspector, log: node.log,
                tables: node.tables, configuration: configuration, build: node.release)
            let server = try ConsoleServer(options, token: token, backend: backend, clock: node.clock)
            let taken = try server.start()
            node.logger.info("console", ["url": .text("http://localhost:\(taken)/")])
            return { await server.stop() }
        }
    }

    private static func onThread<R: Sendable>(
        _ body: @escaping @Sendable () throws(Failure) -> R
    ) async throws(Failure) -> R {
        let outcome: Result<R, Failure> = await withCheckedContinuation { continuation in
            _ = OwnedThread(name: "console") {
                do throws(Failure) { continuation.resume(returning: .success(try body())) } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try outcome.get()
    }
}
