extension PageScript {
    /// The browser of logs: live tail, seek, search.
    static let logs = #"""
        const LOG_ROWS = 300;
        // What a view has to end when it goes. A view that was left while it still loaded ends at once.
        function newScope() {
          const ends = [];
          let isOver = false;
          return { end(work) { if (isOver) work(); else ends.push(work); },
            close() { isOver = true; for (const work of ends.splice(0)) work(); } };
        }
        async function logsView(main, name, scope) {
          const list = h("div", { class: "list" }), side = h("section", { class: "panel" }, h("header", {}, h("h2",
            { text: "Logs" })), list);
          const detail = h("div", {}), all = await get("/logs");
          const shown = all.logs.filter(x => !x.isInternal).sort((a, b) => a.name.localeCompare(b.name));
          all.logs.sort((a, b) => a.isInternal - b.isInternal || a.name.localeCompare(b.name));
          // A node whose sources are no logs has only its own: the busiest is the most telling.
          if (!name && shown.length) name = shown[0].name;
          else if (!name && all.logs.length) name = all.logs.reduce((a, b) => b.records > a.records ? b : a).name;
          const entries = logs => logs.map(x =>
            h("a", { href: "#/logs/" + encodeURIComponent(x.name), "aria-current": x.name === name ? "page" : null },
              h("b", { text: x.name }), h("span", { class: "small dim", text: many(x.records, "record") + " · " +
                many(x.partitions, "partition") + " · " + bytes(x.bytes).join("\u2009") })));
          list.append(...entries(all.logs));
          if (!all.logs.length) list.append(empty("No log yet"));
          main.replaceChildren(h("div", { class: "split" }, side, detail));
          if (name) await logDetail(detail, name, scope);
          const refresher = setInterval(async () => {
            if (list.contains(document.activeElement)) return;
            try {
              const fresh = new Map((await get("/logs")).logs.map(x => [x.name, x]));
              list.replaceChildren(...entries(all.logs.map(x => fresh.get(x.name) || x)));
            } catch { /* the next time, perhaps */ }
          }, 3000);
          scope.end(() => clearInterval(refresher));
        }
        async function logDetail(place, name, scope) {
          const path = "/logs/" + encodeURIComponent(name), log = await get(path);
          const body = h("tbody", {}), gap = h("p", { class: "gap", hidden: true }), state = h("span", {
            class: "live" });
          const partition = h("select", { "aria-label": "Partition" }, h("option", { value: "",
            text: "all partitions" }),
            log.partition.map(p => h("option", { value: p.index, text: "partition " + p.index + " (" +
              p.startOffset + "–" +
              p.lastStableOffset + ")" })));
          const from = h("input", { "aria-label": "From offset or time",
            placeholder: "offset, time, or empty for the end" });
          const search = h("input", { type: "search", class: "grow", "aria-label": "Search",
            placeholder: "search key and value  /" });
          const button = h("button", { type: "button", "aria-pressed": "true", text: "Following" });
          let stop = () => {}, following = true, queue = [];
          const row = (r, flashes) => h("tr", { class: flashes ? "flash" : null }, h("td", { class: "num tight",
            text: r.partition + "/" + r.offset }),
            h("td", { class: "tight mono" }, moment(r.at)),
            h("td", { class: "payload", text: r.key ?? (r.keyHex ? "0x" + r.keyHex : "–") }),
            h("td", { class: "payload", text: r.value ?? (r.valueHex ? "0x" + r.valueHex : "null") }));
          const flush = () => {
            if (!queue.length) return;
            const taken = queue.splice(0).slice(-LOG_ROWS).reverse();
            const fresh = taken.map(r => row(r, taken.length < 12 && body.rows.length > 0));
            body.prepend(...fresh);
            while (body.rows.length > LOG_ROWS) body.lastChild.remove();
          };
          const ticker = setInterval(flush, 200);
          function again() {
            stop();
            queue = [];
            body.replaceChildren();
            gap.hidden = true;
            const query = new URLSearchParams();
            if (partition.value !== "") query.set("partition", partition.value);
            if (search.value) query.set("contains", search.value);
            const start = from.value.trim();
            if (/^\d+$/.test(start)) query.set("offset", start);
            else if (start) query.set("time", start.replace(" ", "T") + (/[zZ]|[+-]\d\d:\d\d$/.test(start) ? "" : "Z"));
            else query.set("last", "50");
            if (following) {
              query.set("follow", "");
              stop = follow(path + "/records?" + query, (event, data) => {
                if (event === "record") { queue.push(data); if (queue.length > 4 * LOG_ROWS) queue.splice(0,
                  queue.length - LOG_ROWS); }
                if (event === "gap" || event === "error") { gap.hidden = false; gap.textContent = data.message ||
                  "records were missed"; }
              }, (what, why) => { state.className = "live " + what; state.textContent = what === "on" ? "live" :
                why; });
            } else {
              state.className = "live";
              state.textContent = "standing still";
              if (!query.has("partition")) query.set("partition", "0");
              get(path + "/records?" + query).then(answer => { queue.push(...answer.records); flush(); },
                failure => { gap.hidden = false; gap.textContent = failure.message; });
            }
          }
          button.addEventListener("click", () => {
            following = !following;
            button.setAttribute("aria-pressed", String(following));
            button.textContent = following ? "Following" : "Follow";
            again();
          });
          for (const field of [partition, from, search]) field.addEventListener("change", again);
          scope.end(() => { stop(); clearInterval(ticker); });
          place.replaceChildren(h("section", { class: "panel" }, h("header", {}, h("h2", { text: name }), state,
            button),
            h("div", { class: "tools" }, partition, from, search), gap,
            h("div", { class: "scroll" }, h("table", { id: "tail" }, columns("#Place", "Time (UTC)", "Key",
              "Value"), body))));
          again();
        }
        """#

    /// Parked records: what failed, where it came from, and another try.
    static let letters = #"""
        async function lettersView(main, name) {
          const status = history.last || await get("/status");
          const panels = await Promise.all(status.pipelines.filter(p => !name || p.name === name).map(async p => {
            let letters = [], trouble = null;
            try { letters = (await get("/pipelines/" + encodeURIComponent(p.name) + "/dead-letters")).deadLetters; }
            catch (failure) { trouble = failure.message; }
            const again = h("button", { type: "button", class: "main", text: "Redrive all",
              disabled: !letters.length });
            again.addEventListener("click", async () => {
              again.disabled = true;
              try {
                const done = await command("/pipelines/" + encodeURIComponent(p.name) +
                  "/dead-letters/redrive?limit=100000");
                await tell(p.name, done.redriven + " records were appended to their source again, in order.");
              } catch (failure) { await tell(p.name, failure.message); }
              route();
            });
            return h("section", { class: "panel", "data-letters": p.name }, h("header", {}, h("h2", { text: p.name }),
              h("span", { class: "chip " + (p.parkedKeys ? "warn" : "idle") }, many(p.parkedKeys,
                "parked key")), again),
              trouble ? h("p", { class: "pad error", text: trouble }) : letters.length ? h("div", {
                class: "scroll" }, h("table", {},
                columns("Failed at (UTC)", "From", "Error", "#Tries", "Key", "Value"),
                h("tbody", {}, letters.map(l => h("tr", {}, h("td", { class: "tight mono" }, moment(l.at)),
                  h("td", { class: "tight", text: l.sourceTopic + " " + l.sourcePartition + "/" + l.sourceOffset }),
                  h("td", { class: "error", text: l.error }), h("td", { class: "num", text: l.attempts }),
                  h("td", { class: "payload", text: l.key ?? (l.keyHex ? "0x" + l.keyHex : "–") }),
                  h("td", { class: "payload", text: l.value ?? (l.valueHex ? "0x" + l.valueHex : "null") })))))) 
                : empty("No record has failed"));
          }));
          main.replaceChildren(...(panels.length ? panels : [h("section", { class: "panel" },
            empty("No pipeline runs on this node"))]));
        }
        """#

    /// Views by address, keys, the theme.
    static let start = #"""
        let view = "overview", busy = false, scope = newScope();
        function draw() {
          if (view !== "overview" || busy) return;
          const main = $("main"), key = document.activeElement && document.activeElement.dataset.key;
          const scrolled = [...main.querySelectorAll(".scroll, .flow")].map(x => [x.scrollLeft, x.scrollTop]);
          main.replaceChildren(...overviewView().flat(9).filter(Boolean));
          [...main.querySelectorAll(".scroll, .flow")].forEach((x, i) => {
            if (scrolled[i]) [x.scrollLeft, x.scrollTop] = scrolled[i];
          });
          if (key) { const same = main.querySelector("[data-key=\"" + CSS.escape(key) + "\"]");
            if (same) same.focus(); }
        }
        async function route() {
          scope.close();
          scope = newScope();
          const [, name = "", item, ...more] = location.hash.split("/").map(decodeURIComponent);
          view = name || "overview";
          for (const link of document.querySelectorAll("nav a"))
            if (link.dataset.view === view) link.setAttribute("aria-current", "page");
              else link.removeAttribute("aria-current");
          // Its own place, so that a view that comes too late writes where nobody sees it.
          const place = h("div", { class: "view" });
          if (view !== "overview") $("main").replaceChildren(place);
          try {
            if (view === "logs") await logsView(place, item, scope);
            else if (view === "tables") await tablesView(place, item, more[0], scope);
            else if (view === "tap") tapView(place, item, more[0] || "0", more[1] || "in", scope);
            else if (view === "letters") await lettersView(place, item);
            else draw();
          } catch (failure) {
            place.replaceChildren(h("section", { class: "panel" }, h("p", { class: "pad error",
              text: failure.message })));
          }
        }
        function theme(kind) {
          if (kind) document.documentElement.dataset.theme = kind;
          else delete document.documentElement.dataset.theme;
        }
        function turnTheme() {
          const dark = document.documentElement.dataset.theme
            ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
          localStorage.setItem("theme", dark ? "light" : "dark");
          theme(dark ? "light" : "dark");
        }
        theme(localStorage.getItem("theme"));
        $("theme").addEventListener("click", turnTheme);
        addEventListener("hashchange", route);
        addEventListener("keydown", event => {
          if (event.ctrlKey || event.metaKey || event.altKey ||
            /INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) return;
          const go = { o: "#/", l: "#/logs", t: "#/tables", x: "#/letters" }[event.key];
          if (go) location.hash = go;
          else if (event.key === "d") turnTheme();
          else if (event.key === "/") { const field = document.querySelector("input[type=search]"); if (field) {
            event.preventDefault(); field.focus(); } }
          else if (event.key === "?") tell("Keys",
            "o  overview\nl  logs\nt  tables\nx  dead letters\n/  search\nd  dark or light");
        });
        follow("/status?follow", (event, data) => {
          if (event !== "status") return;
          digest(data);
          for (const p of data.pipelines) for (const output of p.outputs) watch(output, data.at);
          document.querySelector(".brand").classList.toggle("turning", latest("in") > 0);
          document.title = (data.healthy ? "" : "✕ ") + "Millrace" + (latest("in") > 0 ? " · " + rate(latest("in")) :
            "");
          draw();
          if (!performance.getEntriesByName("ready").length) performance.mark("ready");
        }, (state, why) => {
          const live = $("live");
          live.className = "live " + state;
          live.textContent = state === "on" ? "live" : why;
          if (state === "off" && /token/.test(why)) askToken().then(ok => { if (ok) location.reload(); });
        });
        // A dialog or a pointer over a button must not lose what it stands on.
        document.addEventListener("pointerdown", () => { busy = true; });
        document.addEventListener("pointerup", () => { setTimeout(() => { busy = false; }, 0); });
        document.addEventListener("pointercancel", () => { busy = false; });
        // After the status was asked for, which is what people wait for.
        learn();
        setInterval(learn, 10000);
        route();
        """#
}
