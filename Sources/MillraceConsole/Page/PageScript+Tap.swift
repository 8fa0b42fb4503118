extension PageScript {
    /// A live look at an edge of a pipeline.
    static let tap = #"""
        function tapView(main, pipeline, stage, side, scope) {
          const field = (name, label, hint, kind) => h("input", { name, type: kind || "search", "aria-label": label,
            placeholder: hint, class: kind ? "brief" : name === "where" ? "grow" : null });
          const contains = field("contains", "Contains", "text in it  /"), key = field("key", "Key", "key");
          const where = field("where", "Conditions", "conditions: count>=10 page=/home");
          const sample = field("sample", "Sample in percent", "100", "number");
          const limit = field("limit", "Records", "100", "number"), seconds = field("seconds", "Seconds", "60",
            "number");
          for (const [input, low, high] of [[sample, 0.01, 100], [limit, 1, 10000], [seconds, 1, 3600]]) {
            input.min = low; input.max = high; input.step = "any";
          }
          const state = h("span", { class: "live" }), counts = h("p", { class: "gap dim", hidden: true });
          const trouble = h("p", { class: "gap", hidden: true });
          const head = h("thead", {}), body = h("tbody", {}), button = h("button", { type: "submit", class: "main" });
          let stop = null, shape = "";
          const say = text => { trouble.hidden = !text; trouble.textContent = text || ""; };
          function columnsOf(data) {
            const names = data.row ? Object.keys(data.row) : ["Key", "Value"], wanted = names.join("\n");
            if (wanted === shape) return;
            shape = wanted;
            head.replaceChildren(...columns("#Place", "Time (UTC)", ...names).children);
          }
          function line(data) {
            const text = v => v === null || v === undefined ? "–" : typeof v === "string" && /^\d{4}-\d\d-\d\dT/.test(v)
              ? clock(v) : String(v);
            const cells = data.row ? Object.values(data.row).map(v => h("td", { class: typeof v === "number" ? "num" :
              "", text: text(v) })) : [keyCell(data),
              h("td", { class: "payload", text: blob(data.value, data.valueHex, "null") })];
            return h("tr", { class: "flash" }, h("td", { class: "num tight", text: data.partition + (data.offset ===
              undefined ? "" : "/" + data.offset) }), h("td", { class: "tight mono" }, moment(data.at)), cells);
          }
          function end(what) {
            if (stop) stop();
            stop = null;
            button.textContent = "Tap again";
            state.className = "live";
            state.textContent = what;
          }
          function begin() {
            if (stop) stop();
            body.replaceChildren();
            say("");
            counts.hidden = true;
            const query = new URLSearchParams({ stage, edge: side });
            for (const input of [contains, key, limit, seconds]) if (input.value.trim())
              query.set(input.name, input.value.trim());
            if (sample.value) query.set("sample", Number(sample.value) / 100);
            for (const one of where.value.split(/\s+/)) if (one) query.append("where", one);
            button.textContent = "Stop";
            stop = follow("/pipelines/" + encodeURIComponent(pipeline) + "/tap?" + query, (event, data) => {
              if (event === "record") {
                columnsOf(data);
                body.prepend(line(data));
                while (body.rows.length > LOG_ROWS) body.lastChild.remove();
              } else if (event === "counts") {
                counts.hidden = false;
                counts.textContent = count(data.passed) + " passed, " + count(data.looked) + " looked at, " +
                  count(data.shown) + " shown" + (data.lost ? ", " + count(data.lost) + " left out" : "");
              } else if (event === "end") end(data.reason === "limit" ? "shown as many as asked" : "its time is over");
            }, (what, why) => {
              if (!stop) return;
              state.className = "live " + what;
              state.textContent = what === "on" ? "tapping" : "";
              if (what === "off" && why !== "reconnecting") { say(why); end("not tapping"); }
            });
          }
          scope.end(() => { if (stop) stop(); });
          main.replaceChildren(h("section", { class: "panel", "data-tap": pipeline }, h("header", {}, h("h2", {
            text: pipeline + ": " + (side === "in" ? "into" : "out of") + " stage " + stage }), state, h("a", {
              class: "button", href: "#/", text: "Back" })),
            h("form", { class: "tools", on: { submit: event => { event.preventDefault(); if (stop) end("stopped");
              else begin(); } } }, where, contains, key,
              h("label", {}, "%", sample), h("label", {}, "records", limit), h("label", {}, "seconds", seconds),
              button), trouble, counts,
            scroll("Tapped records", h("table", { id: "tapped", class: "records" }, head, body))));
          for (const input of main.querySelectorAll("form input")) input.addEventListener("change", () => {
            if (stop) begin(); });
          begin();
        }
        """#
}
