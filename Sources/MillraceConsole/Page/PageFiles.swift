internal import MillraceCore

/// The page's files: a table in the binary, no path ever reaches a file system.
enum PageFiles {
    static let routes: [Route] = [
        file("/", "text/html; charset=utf-8", Array(PageHTML.text.utf8)),
        file("/console.css", "text/css; charset=utf-8", Array(PageStyle.text.utf8)),
        file("/console.js", "text/javascript; charset=utf-8", Array(PageScript.all.joined(separator: "\n").utf8)),
        file("/favicon.ico", "image/svg+xml", Array(PageHTML.icon.utf8)),
    ]

    private static func file(_ path: String, _ type: String, _ bytes: [UInt8]) -> Route {
        let response = Response(200, type: type, bytes)
        return Route(.get, path, .open, "The page", produces: [type]) { _, _ in .now(response) }
    }
}
