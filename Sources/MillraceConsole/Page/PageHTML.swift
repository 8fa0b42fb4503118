/// The page's document. No inline script or style: the content security policy forbids both.
enum PageHTML {
    static let text = #"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>Millrace</title>
        <link rel="icon" href="/favicon.ico" type="image/svg+xml">
        <link rel="stylesheet" href="/console.css">
        <script type="module" src="/console.js"></script>
        </head>
        <body>
        <a class="skip" href="#main">Skip to content</a>
        <header class="bar">
          <a class="brand" href="#/" aria-label="Millrace, overview">
            <svg viewBox="0 0 32 32" aria-hidden="true">
            <circle cx="16" cy="16" r="9.5"/><circle cx="16" cy="16" r="2.5"/>
            <path d="M16 2v10M16 20v10M2 16h10M20 16h10M6.1 6.1l7 7M18.9 18.9l7 7M25.9 6.1l-7 7M13.1 18.9l-7 7"/></svg>
            <span>Millrace</span>
          </a>
          <nav aria-label="Views">
            <a href="#/" data-view="overview">Overview</a>
            <a href="#/logs" data-view="logs">Logs</a>
            <a href="#/tables" data-view="tables">Tables</a>
            <a href="#/letters" data-view="letters">Dead letters</a>
          </nav>
          <span id="live" class="live" role="status" aria-live="polite">connecting</span>
          <button id="keys" class="plain" type="button" title="Keys (?)" aria-label="Keys">?</button>
          <button id="theme" class="plain" type="button" title="Dark or light (d)"
            aria-label="Dark or light">◐</button>
        </header>
        <p id="away" class="away" role="alert" hidden></p>
        <main id="main" tabindex="-1"></main>
        <footer class="foot">
          <span id="release"></span>
          <a href="/openapi.json">API</a><a href="/metrics">metrics</a><a href="/configuration">configuration</a>
        </footer>
        <dialog id="dialog"></dialog>
        <noscript>This page needs JavaScript; the same data is at /status, /logs, /tables and /openapi.json.</noscript>
        </body>
        </html>
        """#

    static let icon = #"""
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke="#0e8fb3" stroke-width="2.6">
        <circle cx="16" cy="16" r="9.5"/><path d="M16 2v10M16 20v10M2 16h10M20 16h10"/></svg>
        """#
}
