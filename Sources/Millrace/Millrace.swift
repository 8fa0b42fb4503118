@_exported public import MillraceConsole
@_exported public import MillraceCore
@_exported public import MillraceEngine
@_exported public import MillraceFlow
@_exported public import MillraceLog
@_exported public import MillraceRuntime
@_exported public import MillraceTables
