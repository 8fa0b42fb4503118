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
            let settings = node.settings
            let (token, tls) = try await onThread { () throws(Failure) in
                (
                    try TokenFile.load(directory: directory, storage: storage, entropy: entropy),
                    try certificate(settings, storage)
                )
            }
            var options = ConsoleServer.Options(port: port)
            let address = settings.consoleAddress
            options.isPublic = !["127.0.0.1", "::1", "localhost"].contains(address)
            options.isInsecure = settings.consoleInsecure
            options.tls = tls
            options.hosts = settings.consoleHosts.split(separator: ",").map { $0.filter { !$0.isWhitespace } }
            if options.isPublic { options.address = address }
            if options.isPublic, address != "0.0.0.0", address != "::" {
                options.hosts.append(address.contains(":") ? "[\(address)]" : address)
            }
            let backend = ConsoleBackend(
                status: { node.status() }, inspector: (node as AnyObject) as? any NodeInspector, log: node.log,
                tables: node.tables, configuration: configuration, build: node.release)
            DescriptorLimit.raise(to: Limits.descriptors)
            let server = try ConsoleServer(options, token: token, backend: backend, clock: node.clock)
            let taken = try server.start()
            node.logger.info("console", ["url": .text("\(tls == nil ? "http" : "https")://localhost:\(taken)/")])
            return { await server.stop() }
        }
    }

    /// `nil` when none is set; half of one is a mistake.
    private static func certificate(
        _ settings: NodeSettings, _ storage: any Storage
    ) throws(Failure) -> (key: String, certificate: String)? {
        let (key, certificate) = (settings.consoleKey, settings.consoleCertificate)
        if key.isEmpty, certificate.isEmpty { return nil }
        func read(_ path: String) throws(Failure) -> String {
            var bytes: [UInt8]?
            do throws(IOFault) { bytes = try storage.contents(of: path, limit: Limits.certificateBytes) } catch {
                throw Failure(error, "the console's certificate or key cannot be read")
            }
            guard let bytes else {
                throw Failure(
                    .invalidArgument, "the console needs a certificate and its key",
                    advice: "Set both console.certificate and console.key", place: path)
            }
            return String(decoding: bytes, as: UTF8.self)
        }
        return (try read(key), try read(certificate))
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
