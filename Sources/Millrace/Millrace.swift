// What `import Millrace` gives: the pipeline language, the topology and the app. The stores below have modules of their
// own, `MillraceLog` and `MillraceTables`, for programs that use them directly.
@_exported public import MillraceConsole
@_exported public import MillraceCore
@_exported public import MillraceEngine
@_exported public import MillraceFlow
@_exported public import MillraceRuntime
