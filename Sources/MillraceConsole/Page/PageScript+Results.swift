extension PageScript {
    /// What the pipelines bring about, on the first view: a small chart for each key of a result's table, as rows are
    /// committed.
    static let results = #"""
        history.logs = new Set();
        history.tables = new Map();
        const watched = new Map(), SERIES = 12, POINTS = 60, KEYS = 2000;
        async function learn() {
          try {
            history.logs = new Set((await get("/logs")).logs.map(l => l.name));
            history.tables = new Map((await get("/tables")).tables.map(t => [t.name, t]));
          } catch { /* a node without stores, or one that wants the token first */ }
        }
        const NUMBERS = /^(tinyint|smallint|int|bigint|float|double|counter|varint|decimal)$/;
        // The columns that make a chart, or null.
        function chartable(table) {
          const of = kind => table.columns.filter(c => c.kind === kind);
          const value = of("regular").find(c => NUMBERS.test(c.type) && !c.name.startsWith("pane_"));
          return value ? { keys: of("partition-key").map(c => c.name), value: value.name,
            time: (of("clustering").find(c => c.type === "timestamp") || {}).name } : null;
        }
        function watch(name, at) {
          const table = history.tables.get(name), columns = table && chartable(table);
          if (!columns || watched.has(name)) return;
          const state = { columns, series: new Map(), shown: [], chosen: 0 };
          watched.set(name, state);
          const note = (key, cells, when) => {
            const value = Number(cells[columns.value]);
            if (!isFinite(value)) return;
            const id = columns.keys.map(k => key[k]).join(" · ");
            let one = state.series.get(id);
            if (!one) {
              if (state.series.size >= KEYS) return;
              state.series.set(id, one = { id, points: new Map(), value: 0, changed: 0 });
            }
            const time = columns.time ? key[columns.time] : when;
            // A window that fires again replaces its point.
            one.points.delete(time);
            one.points.set(time, value);
            if (one.points.size > POINTS) one.points.delete(one.points.keys().next().value);
            [one.value, one.changed] = [value, when];
          };
          (async () => {
            const path = "/tables/" + encodeURIComponent(name);
            // What is there already, when it is little; a large table is not read for this.
            try {
              const present = await get(path + "?limit=3000");
              if (!present.next) for (const row of present.rows.sort((a, b) => columns.time &&
                a[columns.time] < b[columns.time] ? -1 : 1)) note(row, row, 0);
            } catch { return; }
            let after = Date.parse(at) * 1000;
            const begin = () => {
              const stop = follow(path + "?follow&after=" + after, (event, data) => {
                if (event === "change" && data.kind === "row") note(data.key, data.cells, Date.now());
                // Too many changes for a picture: leave some out instead of reading the table again.
                if (event === "gap") { stop(); setTimeout(() => { after = Date.now() * 1000; begin(); }, 5000); }
              });
            };
            begin();
          })();
        }
        function resultPanel(name) {
          const state = watched.get(name);
          if (!state || !state.series.size) return null;
          const now = Date.now();
          // The largest, chosen anew now and then, in an order that does not jump.
          if (now - state.chosen > 5000 || state.shown.length < Math.min(SERIES, state.series.size)) {
            state.shown = [...state.series.values()].sort((a, b) => b.value - a.value).slice(0, SERIES)
              .sort((a, b) => a.id.localeCompare(b.id));
            state.chosen = now;
          }
          // As many columns as make full rows, as far as the place allows.
          const widest = Math.max(2, Math.floor(($("main").clientWidth - 60) / (13 * em())));
          const rows = Math.ceil(state.shown.length / widest), place = h("div", { class: "results" });
          place.style.setProperty("--columns", widest < 3 ? widest : Math.ceil(state.shown.length / rows));
          return h("section", { class: "panel", "data-results": name, "data-key": "results/" + name },
            h("header", {}, h("h2", {}, name, h("span", { class: "small dim", text: " " + state.columns.value })),
              h("span", { class: "small dim", text: state.series.size > state.shown.length ? "the largest " +
                state.shown.length + " of " + count(state.series.size) + " keys" : many(state.series.size, "key") }),
              h("a", { class: "button", href: "#/tables/" + encodeURIComponent(name), text: "Rows" })),
            fill(place, {}, [state.shown.map(one => resultCard(name, state, one))]));
        }
        const em = () => parseFloat(getComputedStyle(document.documentElement).fontSize);
        function resultCard(name, state, one) {
          const values = [...one.points.values()], before = values[values.length - 2];
          const step = before ? (one.value - before) / before * 100 : NaN;
          const change = !isFinite(step) ? "\u00a0" : Math.abs(step) < 0.5 ? "± 0\u202f%" :
            (step > 0 ? "▲ " : "▼ ") + Math.abs(step).toFixed(0) + "\u202f%";
          return h("a", { class: "result", "data-key": "result/" + name + "/" + one.id, title: one.id,
            href: "#/tables/" + encodeURIComponent(name) + "/" + encodeURIComponent(one.id) },
            h("span", { class: "name", text: one.id || "all" }), h("span", { class: "value", text: count(one.value) }),
            h("span", { class: "change", text: change }), spark(values, "var(--out)", 20));
        }
        // The values that changed since they were drawn last light up, once.
        function lightUp() {
          if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
          for (const [name, state] of watched) for (const one of state.shown) {
            if (one.drawn === one.changed) continue;
            const key = CSS.escape("result/" + name + "/" + one.id);
            const card = one.drawn && document.querySelector("[data-key=\"" + key + "\"] .value");
            one.drawn = one.changed;
            if (card) card.animate([{ color: "var(--out)" }, {}], 900);
          }
        }
        """#
}
