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
        // As wide as its place, so that text keeps its shape.
        function chart(points, label, width) {
          if (points.length < 2) return empty("A chart needs two rows");
          const em = parseFloat(getComputedStyle(document.documentElement).fontSize), unit = em / 15;
          const W = Math.max(240, width), H = 230 * unit, L = 56 * unit, R = 14 * unit, T = 12 * unit, B = 26 * unit;
          const xs = points.map(p => p[0]), ys = points.map(p => p[1]);
          const x0 = Math.min(...xs), x1 = Math.max(...xs), y1 = Math.max(...ys, 1e-9) * 1.04, y0 = Math.min(0, ...ys);
          const x = v => L + (v - x0) / (x1 - x0 || 1) * (W - L - R), y = v =>
            H - B - (v - y0) / (y1 - y0) * (H - T - B);
          const line = points.map((p, i) => (i ? "L" : "M") + x(p[0]).toFixed(1) + " " + y(p[1]).toFixed(1)).join("");
          const steps = Math.max(1, Math.floor((W - L - R) / (110 * unit)));
          const times = [...Array(steps + 1).keys()].map(i => x0 + (x1 - x0) * i / steps);
          const long = x1 - x0 > 172800000;
          const form = t => new Date(t).toISOString().slice(long ? 5 : 11, long ? 16 : 19).replace("T", " ");
          const last = points[points.length - 1];
          const cross = s("line", { class: "cross", y1: T, y2: H - B, visibility: "hidden" });
          const told = s("text", { class: "told", y: T + 12 * unit, visibility: "hidden" });
          const picture = s("svg", { class: "chart", viewBox: "0 0 " + W + " " + H, width: W, height: H, role: "img",
            "aria-label": label + " over time, last " + last[1] },
            levels(y0, y1, 5).map(v => [s("line", { class: "grid", x1: L, x2: W - R, y1: y(v), y2: y(v) }),
              s("text", { x: L - 8, y: y(v) + 4 * unit, "text-anchor": "end" }, count(v))]),
            times.map((t, i) => s("text", { x: x(t), y: H - 6 * unit, "text-anchor": i === 0 ? "start" : i === steps ?
              "end" : "middle" }, form(t))),
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
            typeof v === "string" &&
            /^\d{4}-\d\d-\d\dT/.test(v) ? clock(v) : String(v);
          const line = (row, flashes) => h("tr", { class: flashes ? "flash" : null }, table.columns.map(c =>
            c.type === "timestamp" && row[c.name] ? h("td", { class: "tight mono", title: show(row[c.name]) },
              moment(row[c.name]))
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
              else if (event === "live") { render(); first = false; }
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
            if (!tr) return;
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
              h("span", { class: "small dim", text: "a row's click shows its partition" })),
            note, drawing, h("div", { class: "scroll" }, h("table", { id: "rows" }, head, body))));
          again();
        }
        """#
}
