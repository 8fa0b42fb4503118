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
                many(x.partitions, "partition") + " · " + bytes(x.bytes).join("\u202f") })));
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
          const body = h("tbody", {}), gap = h("p", { class: "gap", role: "status", hidden: true });
          const state = h("span", { class: "live" });
          const held = h("button", { type: "button", class: "held", hidden: true });
          const partition = h("select", { "aria-label": "Partition" }, h("option", { value: "",
            text: "all partitions" }), log.partition.map(p => h("option", { value: p.index,
            text: "partition " + p.index + " (" + p.startOffset + "–" + p.lastStableOffset + ")" })));
          const from = h("input", { class: "wide", "aria-label": "From an offset, a date or a time",
            title: "an offset, or a time of UTC such as 2026-11-28 05:00",
            placeholder: "from offset, date or time" });
          const search = h("input", { type: "search", class: "grow", "aria-label": "Search",
            placeholder: "search key and value  /" });
          const button = h("button", { type: "button" }), more = h("button", { type: "button", hidden: true,
            text: "Read on" });
          let stop = () => {}, following = true, queue = [], nexts = new Map(), round = 0;
          const row = (r, flashes) => h("tr", { class: flashes ? "flash" : null }, h("td", { class: "num tight",
            text: r.partition + "/" + r.offset }),
            h("td", { class: "tight mono" }, moment(r.at)),
            keyCell(r), h("td", { class: "payload", text: blob(r.value, r.valueHex, "null") }));
          const list = scroll("Records of " + name, h("table", { id: "tail", class: "records" },
            columns("#Place", "Time (UTC)", "Key", "Value"), body));
          const byTime = (a, b) => a.at < b.at ? -1 : a.at > b.at ? 1 : a.partition - b.partition ||
            a.offset - b.offset;
          function flush() {
            if (!queue.length) return;
            // Who reads further down is not pushed away by what comes.
            held.hidden = list.scrollTop < 8 || !following;
            if (!held.hidden) { held.textContent = "↑ " + many(queue.length, "new record"); return; }
            const taken = queue.splice(0).sort(byTime).slice(-LOG_ROWS).reverse();
            body.querySelector(".empty")?.closest("tr").remove();
            body.prepend(...taken.map(r => row(r, taken.length < 12 && body.rows.length > 0)));
            while (body.rows.length > LOG_ROWS) body.lastChild.remove();
          }
          const ticker = setInterval(flush, 200);
          held.onclick = () => { list.scrollTop = 0; flush(); };
          const say = text => { gap.hidden = !text; gap.textContent = text || ""; };
          function where() {
            const query = new URLSearchParams(), start = from.value.trim();
            if (search.value) query.set("contains", search.value);
            if (/^\d+$/.test(start)) query.set("offset", start);
            else if (start) {
              const text = start.replace(" ", "T"), full = /T\d\d:\d\d$/.test(text) ? text + ":00" :
                /^\d{4}-\d\d-\d\d$/.test(text) ? text + "T00:00:00" : text;
              query.set("time", full + (/[zZ]|[+-]\d\d:\d\d$/.test(full.slice(10)) ? "" : "Z"));
            } else if (following || !search.value) query.set("last", "50");
            return query;
          }
          // A page of each partition; a search looks at so many records and says how far it came.
          async function read(mine) {
            const parts = partition.value !== "" ? [Number(partition.value)] :
              log.partition.slice(0, 32).map(p => p.index);
            try {
              const pages = await Promise.all(parts.filter(p => !nexts.size || nexts.has(p)).map(async p => {
                const query = where();
                query.set("partition", p);
                if (nexts.has(p)) { query.delete("last"); query.delete("time"); query.set("offset", nexts.get(p)); }
                return [p, await get(path + "/records?" + query)];
              }));
              if (mine !== round) return;
              nexts = new Map(pages.filter(([, page]) => page.next < page.end).map(([p, page]) => [p, page.next]));
              const found = pages.flatMap(([, page]) => page.records).sort(byTime);
              body.append(...found.map(r => row(r, false)));
              more.hidden = !nexts.size;
              if (!body.rows.length) body.append(h("tr", {}, h("td", { colspan: 4, class: "empty", text: nexts.size ?
                "Nothing found so far" : "Nothing is there" })));
            } catch (failure) { if (mine === round) say(failure.message); }
          }
          function again() {
            stop();
            stop = () => {};
            [queue, nexts] = [[], new Map()];
            round++;
            body.replaceChildren();
            for (const one of [more, held]) one.hidden = true;
            say("");
            button.setAttribute("aria-pressed", String(following));
            button.textContent = following ? "❚❚ Stop" : "▶ Follow";
            if (!following) {
              state.className = "live";
              state.textContent = "standing still";
              read(round);
              return;
            }
            const query = where();
            if (partition.value !== "") query.set("partition", partition.value);
            query.set("follow", "");
            body.append(h("tr", {}, h("td", { colspan: 4, class: "empty" }, "Nothing yet; new records appear here",
              log.isInternal ? null : h("code", { text: "curl --data-binary @records.ndjson " +
                location.origin + path }))));
            stop = follow(path + "/records?" + query, (event, data) => {
              if (event === "record") { queue.push(data); queue.splice(0, queue.length - 4 * LOG_ROWS); }
              if (event === "gap" || event === "error") say(data.message || "records were missed");
            }, (what, why) => { state.className = "live " + what; state.textContent = what === "on" ? "live" : why;
              if (what === "off" && why !== "reconnecting") say(why); });
          }
          button.onclick = () => { following = !following; again(); };
          more.onclick = () => read(round);
          for (const field of [partition, from, search]) field.addEventListener("change", again);
          scope.end(() => { stop(); round++; clearInterval(ticker); });
          place.replaceChildren(h("section", { class: "panel" }, h("header", {}, h("h2", { text: name }), state,
            button), h("div", { class: "tools" }, partition, from, search, more), gap, held, list));
          again();
        }
        """#

    /// Parked records: what failed, where it came from, and another try.
    static let letters = #"""
        async function lettersView(main, name) {
          const status = history.last || await get("/status");
          const panels = await Promise.all(status.pipelines.filter(p => !name || p.name === name).map(letterPanel));
          main.replaceChildren(...(panels.length ? panels : [h("section", { class: "panel" },
            empty("No pipeline runs on this node"))]));
        }
        async function letterPanel(p) {
          const path = "/pipelines/" + encodeURIComponent(p.name);
          let letters = [], parked = [], trouble = null;
          try {
            letters = (await get(path + "/dead-letters")).deadLetters;
            if (p.parkedKeys) parked = (await get(path + "/parked-keys")).parkedKeys;
          } catch (failure) { trouble = failure.message; }
          const again = h("button", { type: "button", class: "main", text: "Redrive all", disabled: !letters.length });
          again.onclick = async () => {
            again.disabled = true;
            try {
              const { redriven } = await command(path + "/dead-letters/redrive?limit=100000");
              await tell(p.name, many(redriven, "record was", "records were") + " sent again, in order.");
            } catch (failure) { await tell(p.name, failure.message); }
            route();
          };
          const list = letters.length ? scroll("Dead letters of " + p.name, h("table", { class: "letters" },
            columns("Failed at (UTC)", "From", "Error", "#Tries", "Key", "Value"),
            h("tbody", {}, letters.map(l => h("tr", {}, h("td", { class: "tight mono" }, moment(l.at)),
              h("td", { class: "tight", text: l.sourceTopic + " " + l.sourcePartition + "/" + l.sourceOffset }),
              h("td", { class: "error", text: l.error }), h("td", { class: "num tries", text: l.attempts }),
              keyCell(l), h("td", { class: "payload", text: blob(l.value, l.valueHex, "null") }))))))
            : empty("No record waits here");
          const keys = parked.length ? [
            h("h3", { class: "pad", text: "Parked keys: their records wait above for a redrive" }),
            scroll("Parked keys of " + p.name, h("table", { class: "parked" }, columns("Key", "Input", "#Partition"),
              h("tbody", {}, parked.map(k => h("tr", {}, keyCell(k), h("td", { text: k.input }),
                h("td", { class: "num", text: k.partition }))))))] : null;
          return h("section", { class: "panel", "data-letters": p.name }, h("header", {}, h("h2", { text: p.name }),
            letters.length ? h("span", { class: "chip bad" }, "✕ ", letters.length === 100 ? "the oldest 100 letters" :
              many(letters.length, "letter")) : h("span", { class: "chip good" }, "✓ none"),
            p.parkedKeys ? h("span", { class: "chip warn" }, "❚❚ ", many(p.parkedKeys, "parked key")) : null, again),
            trouble ? h("p", { class: "pad error", text: trouble }) : [list, keys]);
        }
        """#

    /// Views by address, keys, the theme.
    static let start = #"""
        let view = "overview", scope = newScope();
        function draw() {
          if (view !== "overview") return;
          contents($("main"), overviewView().flat(9).filter(Boolean));
          lightUp();
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
          $("main").replaceChildren(...(view === "overview" ? [] : [place,
            h("p", { class: "empty loading", text: "…" })]));
          try {
            if (view === "logs") await logsView(place, item, scope);
            else if (view === "tables") await tablesView(place, item, more[0], scope);
            else if (view === "tap") tapView(place, item, more[0] || "0", more[1] || "in", scope);
            else if (view === "letters") await lettersView(place, item);
            else if (view === "overview") draw();
            else place.replaceChildren(h("section", { class: "panel" }, empty("There is no such view")));
          } catch (failure) {
            place.replaceChildren(h("section", { class: "panel" }, h("p", { class: "pad error",
              text: failure.message })));
          }
          place.parentNode?.querySelector(".loading")?.remove();
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
        const tellKeys = () => tell("Keys", "o  overview\nl  logs\nt  tables\nx  dead letters\n/  search\n" +
          "d  dark or light\nEsc  closes this");
        $("theme").onclick = turnTheme;
        $("keys").onclick = tellKeys;
        addEventListener("hashchange", route);
        addEventListener("keydown", event => {
          if (event.ctrlKey || event.metaKey || event.altKey || $("dialog").open ||
            /INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) return;
          const go = { o: "#/", l: "#/logs", t: "#/tables", x: "#/letters" }[event.key];
          if (go) { location.hash = go; $("main").focus({ preventScroll: true }); }
          else if (event.key === "d") turnTheme();
          else if (event.key === "/") { const field = document.querySelector("input[type=search]"); if (field) {
            event.preventDefault(); field.focus(); } }
          else if (event.key === "?") tellKeys();
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
          const live = $("live"), away = $("away");
          live.className = "live " + state;
          live.textContent = state === "on" ? "live" : why;
          document.body.classList.toggle("stale", state !== "on");
          away.hidden = state === "on" || !history.last;
          if (history.last) away.textContent = "The node does not answer. What is shown is of " +
            clock(history.last.at).slice(11, 19) + " UTC; trying again.";
          if (state === "off" && /token/.test(why)) askToken().then(ok => { if (ok) location.reload(); });
        });
        // After the status was asked for, which is what people wait for.
        learn();
        setInterval(learn, 10000);
        get("/build").then(build => { $("release").textContent = "release " + build.release; }, () => {});
        route();
        """#
}
