extension PageScript {
    /// The browser of logs: live tail, seek, search.
    static let logs = #"""
        const LOG_ROWS = 300;
        let endView = () => {};
        async function logsView(main, name) {
          const list = h("div", { class: "list" }), side = h("section", { class: "panel" }, h("header", {}, h("h2",
            { text: "Logs" })), list);
          const detail = h("div", {}), all = await get("/logs");
          const shown = all.logs.filter(x => !x.isInternal || x.name === name);
          if (!name && shown.length) name = shown[0].name;
          list.append(...all.logs.sort((a, b) => a.isInternal - b.isInternal || a.name.localeCompare(b.name)).map(x =>
            h("a", { href: "#/logs/" + encodeURIComponent(x.name), "aria-current": x.name === name ? "page" : null },
              h("b", { text: x.name }), h("span", { class: "small dim", text: count(x.records) + " records · " +
                x.partitions +
                " partitions · " + bytes(x.bytes).join("\u2009") }))));
          if (!all.logs.length) list.append(empty("No log yet"));
          main.replaceChildren(h("div", { class: "split" }, side, detail));
          if (name) await logDetail(detail, name);
        }
        async function logDetail(place, name) {
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
          endView = () => { stop(); clearInterval(ticker); };
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
              h("span", { class: "chip " + (p.parkedKeys ? "warn" : "idle") }, count(p.parkedKeys) +
                " parked keys"), again),
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
        let view = "overview", busy = false;
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
          endView();
          endView = () => {};
          const [, name = "", item] = location.hash.split("/").map(decodeURIComponent);
          view = name || "overview";
          for (const link of document.querySelectorAll("nav a"))
            if (link.dataset.view === view) link.setAttribute("aria-current", "page");
              else link.removeAttribute("aria-current");
          const main = $("main");
          try {
            if (view === "logs") await logsView(main, item);
            else if (view === "tables") await tablesView(main, item);
            else if (view === "letters") await lettersView(main, item);
            else draw();
          } catch (failure) {
            main.replaceChildren(h("section", { class: "panel" }, h("p", { class: "pad error",
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
          document.querySelector(".brand").classList.toggle("turning", latest("in") > 0);
          document.title = (data.healthy ? "" : "✕ ") + "Millrace" + (latest("in") > 0 ? " · " + rate(latest("in")) :
            "");
          draw();
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
        route();
        """#
}
