internal import MillraceConsole
internal import MillraceConsole
internal import MillraceCore
public import MillraceEngine
internal import MillraceRuntime

extension StreamApp {
    // Concurrent, so that nothing of ours runs on the main actor: a call from there costs a thread switch each time.
    @concurrent public static func main() async {
        // First of all, before any thread is there: later ones inherit what is blocked.
        Signals.block()
        let app = Self()
        let code = await AppRunner(
            name: HostProcess.programName(), topology: app.topology, code: app.settings, host: .system,
            environment: HostProcess.environment(), attach: .console(entropy: HostProcess.system.entropy)
        ).run()
        HostProcess.system.exit(code)
    }
}
