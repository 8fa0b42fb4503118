extension PageScript {
    /// The browser of tables: rows that flash as they change, and a chart over time.
    static let tables = #"""
        const TABLE_ROWS = 500;
        async function tablesView(main, name, partition, scope) {
          const list = h("div", { class: "list" }), side = h("section", { class: "panel" }, h("header", {}, h("h2",
            { text: "Tables" })), list);
          const detail = h("div", {}), all = (await get("/tables")).tables;
          if (!name && all.length) name = all[0].name;
          list.append(...all.map(t => h("a", { href: "#/tables/" + encodeURIComponent(t.name),
            "aria-current": t.name === name ? "page" : null },
            h("b", { text: t.name }), h("span", { class: "small dim", text: t.columns.filter(c =>
              c.kind === "partition-key")
              .map(c => c.name).join(", ") + (t.columns.some(c => c.kind === "clustering") ? " · " +
              t.columns.filter(c => c.kind === "clustering").map(c => c.name).join(", ") : "") }))));
          if (!all.length) list.append(empty("No table yet"));
          main.replaceChildren(h("div", { class: "split" }, side, detail));
          const table = all.find(t => t.name === name);
          if (table) tableDetail(detail, table, partition, scope);
          else if (name) detail.append(h("section", { class: "panel" }, empty("There is no table " + name)));
        }
        // Times between two that people read easily.
        function moments(from, to, most) {
          const sizes = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
          const raw = (to - from) / 1000 / most, found = sizes.find(x => x >= raw);
          const step = 1000 * (found || 86400 * Math.ceil(raw / 86400)), list = [];
          for (let t = Math.ceil(from / step) * step; t <= to; t += step) list.push(t);
          return list;
        }
        // As wide as its place, so that text keeps its shape.
        function chart(points, label, width) {
          if (points.length < 2) return empty("A chart needs two rows");
          const em = parseFloat(getComputedStyle(document.documentElement).fontSize), unit = em / 15;
          const W = Math.max(240, width), H = 230 * unit, L = 56 * unit, R = 14 * unit, T = 12 * unit, B = 26 * unit;
          const xs = points.map(p => p[0]), ys = points.map(p => p[1]), x0 = Math.min(...xs), x1 = Math.max(...xs);
          const marks = levels(Math.min(0, ...ys), Math.max(...ys, 1e-9), 5);
          const y0 = marks[0], y1 = marks[marks.length - 1];
          const x = v => L + (v - x0) / (x1 - x0 || 1) * (W - L - R), y = v =>
            H - B - (v - y0) / (y1 - y0) * (H - T - B);
          const line = points.map((p, i) => (i ? "L" : "M") + x(p[0]).toFixed(1) + " " + y(p[1]).toFixed(1)).join("");
          const times = moments(x0, x1, Math.max(2, Math.floor((W - L - R) / (100 * unit))));
          const form = t => { const text = new Date(t).toISOString().replace("T", " ");
            return x1 - x0 > 172800000 ? text.slice(5, 16) : text.slice(11, 19); };
          const last = points[points.length - 1];
          const cross = s("line", { class: "cross", y1: T, y2: H - B, visibility: "hidden" });
          const told = s("text", { class: "told", y: T + 12 * unit, visibility: "hidden" });
          const picture = s("svg", { class: "chart", viewBox: "0 0 " + W + " " + H, width: W, height: H, role: "img",
            "aria-label": label + " over time, last " + last[1] },
            marks.map(v => [s("line", { class: "grid", x1: L, x2: W - R, y1: y(v), y2: y(v) }),
              s("text", { x: L - 8, y: y(v) + 4 * unit, "text-anchor": "end" }, count(v))]),
            times.map(t => [s("line", { class: "tick", x1: x(t), x2: x(t), y1: H - B, y2: H - B + 4 * unit }),
              s("text", { x: x(t), y: H - 7 * unit, "text-anchor": x(t) > W - R - 30 * unit ? "end" : "middle" },
                form(t))]),
            s("path", { class: "area", d: line + "L" + x(last[0]) + " " + y(y0) + "L" + x(xs[0]) + " " + y(y0) + "Z" }),
            s("path", { class: "stroke", d: line }), s("circle", { cx: x(last[0]), cy: y(last[1]), r: 4 * unit }),
            cross, told);
          picture.addEventListener("pointermove", event => {
            const at = event.offsetX;
            const near = points.reduce((a, b) => Math.abs(x(b[0]) - at) < Math.abs(x(a[0]) - at) ? b : a);
            for (const part of [cross, told]) part.setAttribute("visibility", "visible");
            cross.setAttribute("x1", x(near[0]));
            cross.setAttribute("x2", x(near[0]));
            told.setAttribute("x", Math.min(x(near[0]) + 6, W - R - 130 * unit));
            told.textContent = form(near[0]) + "  " + near[1];
          });
          picture.addEventListener("pointerleave", () => {
            for (const part of [cross, told]) part.setAttribute("visibility", "hidden");
          });
          return picture;
        }
        function tableDetail(place, table, partition, scope) {
          const keys = table.columns.filter(c => c.kind === "partition-key"), order = table.columns.filter(c =>
            c.kind === "clustering");
          const names = table.columns.map(c => c.name), time = order.find(c => c.type === "timestamp");
          const numbers = table.columns.filter(c => NUMBERS.test(c.type) && !c.kind.includes("key"));
          const fields = keys.map(c => h("input", { type: "search", placeholder: c.name, "aria-label": c.name +
            " (" + c.type + ")" }));
          if (partition && keys.length === 1) fields[0].value = partition;
          const pick = h("select", { "aria-label": "Column of the chart" }, numbers.map(c => h("option", {
            text: c.name })));
          const body = h("tbody", {}), state = h("span", { class: "live" }), note = h("p", { class: "gap",
            hidden: true });
          const drawing = h("div", { class: "pad", hidden: true }), rows = new Map();
          const id = row => JSON.stringify([...keys, ...order].map(c => row[c.name]));
          let stop = () => {}, changed = new Set(), all = true, first = true;
          const show = v => v === null || v === undefined ? "–" : typeof v === "object" ? JSON.stringify(v) :
            typeof v === "string" && /^\d{4}-\d\d-\d\dT/.test(v) ? briefly(v) : String(v);
          const line = (row, flashes) => h("tr", { class: flashes ? "flash" : null }, table.columns.map(c =>
            c.type === "timestamp" && row[c.name] ? h("td", { class: "tight mono", title: show(row[c.name]) },
              moment(row[c.name], briefly))
              : c === keys[0] && keys.length === 1 ? h("td", { class: "id" }, h("a", { href: "#/tables/" +
                encodeURIComponent(table.name) + "/" + encodeURIComponent(row[c.name]), text: show(row[c.name]) }))
              : h("td", { class: NUMBERS.test(c.type) ? "num" : "", text: show(row[c.name]) })));
          function render() {
            if (!all && !changed.size) return;
            const kept = [...rows.values()].slice(-TABLE_ROWS);
            if (order.length) kept.sort((a, b) => {
              for (const c of order) { const x = a[c.name], y = b[c.name]; if (x !== y) return (x < y ? 1 : -1); }
              return 0;
            });
            const flashing = first ? new Set() : changed;
            body.replaceChildren(...kept.map(row => line(row, flashing.has(id(row)))));
            if (!kept.length && !first) body.append(h("tr", {}, h("td", { class: "empty", colspan: table.columns.length,
              text: fields.some(f => f.value.trim()) ? "There is no row of this partition" : "No row yet" })));
            if (rows.size > TABLE_ROWS) { note.hidden = false; note.textContent = "the last " + TABLE_ROWS + " of " +
              rows.size + " rows that came"; }
            changed = new Set();
            all = false;
            const column = pick.value, one = fields.every(f => f.value.trim());
            drawing.hidden = !(one && time && column);
            if (drawing.hidden || drawing.matches(":hover")) return;
            const points = kept.map(r => [Date.parse(r[time.name]), Number(r[column])]);
            const inner = place.clientWidth - 2 * parseFloat(getComputedStyle(drawing).paddingLeft) - 2;
            drawing.replaceChildren(chart(points.filter(p => isFinite(p[0]) && isFinite(p[1]))
              .sort((a, b) => a[0] - b[0]), column, inner));
          }
          const ticker = setInterval(render, 250);
          function again() {
            stop();
            rows.clear();
            all = true;
            first = true;
            note.hidden = true;
            const query = new URLSearchParams({ follow: "" });
            if (fields.every(f => f.value.trim())) for (const f of fields) query.append("key", f.value.trim());
            stop = follow("/tables/" + encodeURIComponent(table.name) + "?" + query, (event, data) => {
              if (event === "begin") { rows.clear(); all = true; }
              else if (event === "row") { rows.set(id(data), data); all = true; }
              else if (event === "live") { if (rows.size) render(); first = false; all = all || !rows.size; }
              else if (event === "gap") { note.hidden = false;
                note.textContent = "changes were missed; the rows were read again"; }
              else if (event === "error") { note.hidden = false; note.textContent = data.message; }
              else if (event === "change") {
                const key = id(data.key);
                if (data.kind === "delete") { rows.delete(key); all = true; }
                else if (data.kind.startsWith("delete")) { again(); }
                else if (data.kind === "row") {
                  const row = rows.get(key) || { ...data.key };
                  rows.delete(key);
                  rows.set(key, Object.assign(row, data.cells));
                  changed.add(key);
                  if (rows.size > 4 * TABLE_ROWS) rows.delete(rows.keys().next().value);
                }
              }
            }, (what, why) => { state.className = "live " + what; state.textContent = what === "on" ? "live" : why; });
          }
          for (const field of fields) field.addEventListener("change", again);
          pick.addEventListener("change", () => { all = true; render(); });
          body.addEventListener("click", event => {
            const tr = event.target.closest("tr");
            if (!tr || event.target.closest("a") || !tr.children[keys.length] || getSelection().toString()) return;
            keys.forEach((c, i) => { fields[i].value = tr.children[names.indexOf(c.name)].textContent; });
            again();
          });
          const sizes = new ResizeObserver(() => { all = true; });
          sizes.observe(place);
          scope.end(() => { stop(); clearInterval(ticker); sizes.disconnect(); });
          const head = columns(...table.columns.map(c => (NUMBERS.test(c.type) ? "#" : "") + c.name));
          place.replaceChildren(h("section", { class: "panel" }, h("header", {}, h("h2", { text: table.name }), state,
            h("button", { type: "button", text: "Schema", on: { click: () => tell(table.name, table.cql) } })),
            h("div", { class: "tools" }, fields, numbers.length && time ? h("label", {}, "chart", pick) : null,
              h("span", { class: "small dim hint", text: "a row's click shows its partition" })),
            note, drawing, scroll("Rows of " + table.name, h("table", { id: "rows" }, head, body))));
          again();
        }
        """#
}
