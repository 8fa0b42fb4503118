import Foundation
import MillraceCore
import MillraceFlow
import Testing

@testable import MillraceConsole
@testable import MillraceEngine

/// The page in a real browser, over a real node. Skipped, visibly, without chromium-driver or MILLRACE_BROWSER=1.
@Suite(.serialized, .enabled(if: Browser.isWanted, "needs chromium-driver and MILLRACE_BROWSER=1"))
struct PageTests {
    private func with(
        width: Int, _ body: (ConsoleFixture, Browser, String) async throws -> Void
    ) async throws {
        try await ConsoleFixture.with { node in
            try await Browser.with(width: width, height: 900) { browser in
                try await body(node, browser, "http://localhost:\(node.port)/")
            }
        }
    }

    @Test func `numbers move, the tail follows, a row flashes, a dead letter is redriven`() async throws {
        try await with(width: 1_280) { node, browser, url in
            try await browser.open(url)
            #expect(try await browser.until("document.querySelector('[data-tile=in] .value')"))
            let before =
                try await browser.run("return document.querySelector('[data-tile=in] .note').textContent") as? String
            #expect(
                try await browser.until(
                    "document.querySelector('[data-tile=in] .note').textContent !== '\(before ?? "")'"))
            #expect(
                try await browser.until("document.querySelectorAll('[data-pipeline=PageViews] .edge').length === 2"))
            // A stage opens its tasks, and stays open through the next second's news.
            _ = try await browser.run("document.querySelector('.node.stage').click()")
            try await Task.sleep(for: .milliseconds(1_500))
            #expect(try await browser.until("document.querySelectorAll('[data-pipeline] tbody tr').length === 1"))

            _ = try await browser.run("location.hash = '#/logs/clicks'")
            #expect(try await browser.until("document.querySelector('#tail')"))
            let nasty = #"{"page":"<img src=x onerror=document.title='broken'>"}"#
            _ = await node.client().request("POST", "/logs/clicks", body: nasty)
            #expect(
                try await browser.until("document.querySelector('#tail tbody')?.textContent.includes('<img src=x')"))
            #expect(try await browser.run("return document.querySelectorAll('#tail img').length") as? Int == 0)

            try node.put("/home", minute: 1, count: 41)
            _ = try await browser.run("location.hash = '#/tables/views'")
            #expect(try await browser.until("document.querySelector('#rows tbody')?.textContent.includes('41')"))
            #expect(try await browser.run("return document.querySelectorAll('#rows .flash').length") as? Int == 0)
            try await Task.sleep(for: .milliseconds(600))
            try node.put("/home", minute: 1, count: 42)
            #expect(try await browser.until("document.querySelector('#rows .flash')?.textContent.includes('42')"))
            try node.put("/home", minute: 2, count: 43)
            _ = try await browser.run("document.querySelector('#rows tbody tr').click()")
            #expect(try await browser.until("document.querySelector('.chart .stroke')"))

            _ = try await browser.run("location.hash = '#/letters'")
            #expect(
                try await browser.until("document.querySelector('[data-letters] tbody')?.textContent.includes('boom')"))
            #expect(try await browser.until("document.querySelector('.parked tbody')?.textContent.includes('/home')"))
            _ = try await browser.run("document.querySelector('[data-letters] button').click()")
            #expect(try await browser.until("document.querySelector('#token')"))
            _ = try await browser.run(
                """
                document.querySelector('#token').value = '\(ConsoleFixture.token)';
                document.querySelector('#dialog button.main').click()
                """)
            #expect(try await browser.until("document.querySelector('#dialog')?.textContent.includes('1 record was')"))
            #expect(node.inspector.calls.withLock { $0 } == ["redrive 100000"])

            // The refused first try is the network's word about a 401; nothing else may be there.
            let console = try await browser.console().filter { !$0.contains("401") }
            #expect(console.isEmpty, "\(console)")
            #expect(try await browser.run("return document.title") as? String != "broken")
        }
    }

    @Test func `an edge is tapped, and a result is drawn as it changes`() async throws {
        try await with(width: 1_280) { node, browser, url in
            try node.put("/home", minute: 1, count: 41)
            try await browser.open(url)
            #expect(try await browser.until("document.querySelector('[data-results] .result')"))
            for count in 42...44 { try node.put("/home", minute: Int64(count), count: Int64(count)) }
            #expect(
                try await browser.until("document.querySelector('[data-results] .value')?.textContent === '44'"))

            _ = try await browser.run("document.querySelector('a.edge').click()")
            #expect(try await browser.until("location.hash === '#/tap/PageViews/0/in'"))
            let end = node.clock.now + .seconds(30)
            while node.inspector.tapped.withLock({ $0 }) == nil, node.clock.now < end {
                try await node.clock.sleep(for: .milliseconds(10))
            }
            let point = TapPoint()
            try point.add(try #require(node.inspector.tapped.withLock { $0 }))
            Array("<b>tapped</b>".utf8).withUnsafeBytes { value in
                let record = RawRecord(offset: 7, timestamp: .seconds(5), key: nil, value: value)
                withUnsafePointer(to: record) {
                    point.see(UnsafeBufferPointer(start: $0, count: 1), partition: 1, now: node.clock.now)
                }
            }
            #expect(
                try await browser.until(
                    "document.querySelector('#tapped tbody')?.textContent.includes('<b>tapped</b>')"))
            #expect(try await browser.console().isEmpty)
        }
    }

    @Test func `views by keys, and nothing jumps while figures change`() async throws {
        try await with(width: 1_280) { node, browser, url in
            try node.put("/home", minute: 1, count: 41)
            try await browser.open(url)
            #expect(try await browser.until("document.querySelector('[data-results] .result')"))
            // A marked element and a selection live through the news of several seconds.
            _ = try await browser.run(
                """
                window.shifts = 0;
                new PerformanceObserver(list => { for (const x of list.getEntries()) window.shifts += x.value; })
                  .observe({ type: "layout-shift" });
                window.kept = document.querySelector("[data-tile=in] .value");
                getSelection().selectAllChildren(document.querySelector("[data-tile=in] h3"));
                document.querySelector("a.edge").focus();
                window.note = document.querySelector("[data-tile=in] .note").textContent;
                """)
            #expect(try await browser.until("document.querySelector('[data-tile=in] .note').textContent !== note"))
            try await Task.sleep(for: .milliseconds(2_500))
            #expect(try await browser.run("return kept.isConnected") as? Bool == true)
            #expect(try await browser.run("return document.activeElement.matches('a.edge')") as? Bool == true)
            #expect(try await browser.run("return getSelection().toString()") as? String != "")
            let shifts = try await browser.run("return window.shifts") as? Double ?? .infinity
            #expect(shifts <= 0.02, "\(shifts)")
            for (key, hash) in [("l", "#/logs"), ("t", "#/tables"), ("x", "#/letters"), ("o", "#/")] {
                try await browser.press(key)
                #expect(try await browser.until("location.hash === '\(hash)'"), "\(key)")
            }
            try await browser.press("?")
            #expect(try await browser.until("document.querySelector('#dialog').open"))
            try await browser.press("Escape")
            #expect(try await browser.until("!document.querySelector('#dialog').open"))
            // From the top, the first stop is the way past the bar, and it is seen when it has the focus.
            try await browser.open("about:blank")
            try await browser.open(url + "#/logs/clicks")
            #expect(try await browser.until("document.querySelector('#tail')"))
            try await browser.press("Tab")
            #expect(try await browser.run("return document.activeElement.className") as? String == "skip")
            try await browser.press("Tab")
            #expect(
                try await browser.run("return getComputedStyle(document.activeElement).outlineStyle") as? String
                    == "solid")
            try await browser.press("/")
            #expect(try await browser.run("return document.activeElement.type") as? String == "search")
            #expect(try await browser.console().isEmpty)
        }
    }

    @Test func `a log is searched standing still, and its tail waits for who reads further down`() async throws {
        try await with(width: 1_280) { node, browser, url in
            let lines = (0..<400).map { "{\"page\":\"/\($0 % 7)\",\"n\":\($0)}" }.joined(separator: "\n")
            _ = await node.client().request("POST", "/logs/clicks?partition=0", body: lines)
            _ = await node.client().request("POST", "/logs/clicks?partition=1", body: "{\"needle\":1}")
            try await browser.open(url + "#/logs/clicks")
            #expect(try await browser.until("document.querySelectorAll('#tail tbody tr').length > 40"))
            _ = try await browser.run("document.querySelector('#tail').parentNode.scrollTop = 300")
            _ = await node.client().request("POST", "/logs/clicks", body: "{\"late\":1}")
            #expect(try await browser.until("document.querySelector('.held')?.textContent.includes('1 new record')"))
            _ = try await browser.run("document.querySelector('.held').click()")
            #expect(try await browser.until("document.querySelector('#tail tbody').textContent.includes('late')"))
            #expect(try await browser.until("document.querySelector('.held').hidden"))
            _ = try await browser.run(
                """
                document.querySelector('[aria-pressed]').click();
                const field = document.querySelector('input[type=search]');
                field.value = 'needle';
                field.dispatchEvent(new Event('change'));
                """)
            #expect(try await browser.until("document.querySelector('#tail tbody').textContent.includes('needle')"))
            #expect(try await browser.run("return document.querySelectorAll('#tail tbody tr').length") as? Int == 1)
            #expect(try await browser.console().isEmpty)
        }
    }

    @Test func `the page says when the node is gone, and goes on when it is back`() async throws {
        try await with(width: 1_280) { node, browser, url in
            try await browser.open(url)
            #expect(try await browser.until("document.querySelector('#live').className === 'live on'"))
            #expect(try await browser.run("return document.querySelector('#away').hidden") as? Bool == true)
            await node.server.stop()
            #expect(try await browser.until("!document.querySelector('#away').hidden"))
            #expect(try await browser.run("return document.body.className") as? String == "stale")
            let inspector = node.inspector
            let again = try ConsoleServer(
                .init(port: node.port), token: ConsoleFixture.token,
                backend: ConsoleBackend(
                    status: { await inspector.status() }, inspector: inspector, log: node.log, tables: node.tables),
                clock: node.clock)
            _ = try again.start()
            #expect(try await browser.until("document.querySelector('#away').hidden"))
            #expect(try await browser.until("document.querySelector('#live').className === 'live on'"))
            await again.stop()
        }
    }

    /// From the first byte of the page to figures of the node on it, as the browser measures it.
    @Test func `the page is ready soon after its first byte`() async throws {
        try await with(width: 1_280) { node, browser, url in
            var times: [Double] = []
            for _ in 0..<5 {
                try await browser.open(url)
                #expect(try await browser.until("performance.getEntriesByName('ready').length === 1"))
                let time = try await browser.run(
                    "return performance.getEntriesByName('ready')[0].startTime"
                        + " - performance.getEntriesByType('navigation')[0].responseStart")
                times.append(time as? Double ?? .infinity)
            }
            let median = times.sorted()[2]
            print("page ready after \(times.map { Int($0) }) ms")
            // On a machine that does something else as well; 300 ms is held to on a quiet one.
            #expect(median <= 1_500)
        }
    }

    /// MILLRACE_PICTURES=DIRECTORY keeps what a person should look at.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["MILLRACE_PICTURES"] != nil))
    func `pictures of every view in both themes`() async throws {
        let folder = URL(fileURLWithPath: ProcessInfo.processInfo.environment["MILLRACE_PICTURES"] ?? ".")
        try await with(width: 1_280) { node, browser, url in
            for minute in 0..<90 {
                for (index, page) in ["/", "/home", "/search", "/cart", "/help"].enumerated() {
                    try node.put(page, minute: Int64(minute), count: Int64((minute * 7 + index * 31) % 53 + 20))
                }
            }
            try await browser.open(url)
            for (name, address) in [
                ("overview", "#/"), ("logs", "#/logs/clicks"), ("tables", "#/tables/views/%2Fhome"),
                ("letters", "#/letters"), ("tap", "#/tap/PageViews/0/in"),
            ] {
                _ = try await browser.run("location.hash = '\(address)'")
                for width in [375, 1_280, 2_560] {
                    for isDark in [false, true] {
                        try await browser.show(width: width, height: width * 9 / 16 + 400, isDark: isDark)
                        if name == "logs" {
                            _ = await node.client().request(
                                "POST", "/logs/clicks?key=u\(width)", body: #"{"page":"/home","user":17}"#)
                        }
                        try await Task.sleep(for: .milliseconds(1_500))
                        let theme = isDark ? "dark" : "light"
                        try await browser.picture().write(
                            to: folder.appendingPathComponent("\(name)-\(width)-\(theme).png"))
                    }
                }
            }
        }
    }

    @Test func `nothing is wider than a phone, and everything comes from the node`() async throws {
        try await with(width: 375) { node, browser, url in
            try node.put("/home", minute: 1, count: 1, note: String(repeating: "long", count: 100))
            _ = await node.client().request(
                "POST", "/logs/clicks", body: "{\"x\":\"\(String(repeating: "y", count: 2_000))\"}")
            try await browser.open(url)
            for view in ["#/", "#/logs/clicks", "#/tables/views", "#/letters", "#/tap/PageViews/0/in"] {
                _ = try await browser.run("location.hash = '\(view)'")
                #expect(try await browser.until("document.querySelector('main .panel')"))
                try await Task.sleep(for: .milliseconds(700))
                let over = try await browser.run("return document.documentElement.scrollWidth - innerWidth") as? Int
                #expect(over == 0, "\(view)")
            }
            let foreign = try await browser.run(
                "return performance.getEntriesByType('resource')"
                    + ".filter(x => !x.name.startsWith(location.origin)).length"
            )
            #expect(foreign as? Int == 0)
            #expect(try await browser.console().isEmpty)
        }
    }

    @Test func `the page is light`() async throws {
        try await ConsoleFixture.with { node in
            var weight = 0
            for path in ["/", "/console.css", "/console.js", "/favicon.ico"] {
                let answer = try #require(await node.client().get(path))
                #expect(answer.status == 200)
                weight += answer.body.count
            }
            #expect(weight <= 150_000, "\(weight) bytes")
            #expect(weight > 10_000)
        }
    }
}
