/// The page's script, in parts that are joined.
enum PageScript {
    static let all = [core, streams, overview, results, pipelines, tap, logs, tables, letters, start]

    /// Elements, numbers, times. Text always goes into text nodes.
    static let core = #"""
        "use strict";
        const $ = id => document.getElementById(id);
        const SVG = "http://www.w3.org/2000/svg";
        function fill(node, attributes, children) {
          for (const [name, value] of Object.entries(attributes || {})) {
            if (value === null || value === undefined || value === false) continue;
            // As properties, so that an element that is kept takes over what its successor does.
            if (name === "on") for (const [event, work] of Object.entries(value)) node["on" + event] = work;
            else if (name === "text") node.textContent = value;
            else node.setAttribute(name, value === true ? "" : value);
          }
          for (const child of children.flat(9)) if (child !== null && child !== undefined &&
            child !== false) node.append(child);
          return node;
        }
        const h = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
        const s = (name, attributes, ...children) => fill(document.createElementNS(SVG, name), attributes, children);
        // Makes `old` like `next` and keeps every element that can be kept: with it focus, selection, scroll place and
        // animations, and nothing jumps.
        function morph(old, next) {
          if (old.nodeName !== next.nodeName || old.dataset?.key !== next.dataset?.key) return old.replaceWith(next);
          if (old.nodeType === Node.TEXT_NODE) { if (old.data !== next.data) old.data = next.data; return; }
          for (const { name } of [...old.attributes]) if (!next.hasAttribute(name)) old.removeAttribute(name);
          for (const { name, value } of next.attributes)
            if (name !== "style" && old.getAttribute(name) !== value) old.setAttribute(name, value);
          // The policy for styles forbids the attribute, not the property.
          if (old.style.cssText !== next.style.cssText) old.style.cssText = next.style.cssText;
          old.onclick = next.onclick;
          contents(old, [...next.childNodes]);
        }
        function contents(place, nodes) {
          const old = [...place.childNodes];
          nodes.forEach((node, i) => { if (old[i]) morph(old[i], node); else place.append(node); });
          for (const node of old.slice(nodes.length)) node.remove();
        }
        const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
        function short(n) {
          if (n === null || n === undefined || !isFinite(n)) return ["–", ""];
          const a = Math.abs(n);
          for (const [size, unit] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e4, "k"]])
            if (a >= size) { const v = n / (unit === "k" ? 1e3 : size); return [v.toFixed(Math.abs(v) < 99.95 ? 1 : 0),
              unit]; }
          return [a >= 9.95 || Number.isInteger(n) ? whole.format(n) : n.toFixed(1), ""];
        }
        const count = n => short(n).join("\u202f").trim();
        // A name may break behind its dots, dashes and underscores.
        const soft = name => name.split(/(?<=[._/-])/).flatMap((part, i) => i ? [h("wbr"), part] : [part]);
        const many = (n, one, more) => count(n) + " " + (n === 1 ? one : more || one + "s");
        // Levels around a range that people read easily: 1, 2 or 5 times a power of ten apart.
        function levels(low, high, most) {
          const raw = (high - low || 1) / most, size = 10 ** Math.floor(Math.log10(raw));
          const step = size * ([1, 2, 5].find(x => x * size >= raw) || 10), list = [];
          for (let v = Math.floor(low / step) * step; v < high + step * (1 - 1e-9); v += step) list.push(v);
          return list;
        }
        const rate = n => { const [v, unit] = short(n); return v + (unit ? "\u202f" + unit : "\u202f") + "/s"; };
        function bytes(n) {
          let v = n, unit = "B";
          for (const next of ["kB", "MB", "GB", "TB"]) { if (v < 1000) break; v /= 1000; unit = next; }
          return [unit === "B" || v >= 100 ? String(Math.round(v)) : v.toFixed(1), unit];
        }
        function span(seconds) {
          if (!isFinite(seconds)) return ["–", ""];
          if (seconds < 0.0995) return [String(Math.round(seconds * 1000)), "ms"];
          if (seconds < 100) return [seconds.toFixed(seconds < 10 ? 1 : 0), "s"];
          if (seconds < 7200) return [String(Math.round(seconds / 60)), "min"];
          if (seconds < 172800) return [String(Math.round(seconds / 3600)), "h"];
          return [String(Math.round(seconds / 86400)), "d"];
        }
        const spanText = v => span(v).join("\u202f");
        // The date gives way on a phone.
        const moment = (text, form = clock) => [h("span", { class: "date", text: form(text).slice(0, 11) }),
          form(text).slice(11)];
        // Milliseconds always have three digits, so that columns stand.
        const clock = text => text ? text.replace("T", " ").replace("Z", "").replace(/(?:\.(\d{1,3})\d*)?$/, (_, ms) =>
          "." + (ms || "").padEnd(3, "0")) : "–";
        const briefly = text => clock(text).replace(/\.000$/, "");
        const tasksOf = p => p.stages.flatMap(stage => stage.tasks);
        const sum = (list, of) => list.reduce((total, item) => total + of(item), 0);
        const most = (list, of) => list.reduce((top, item) => Math.max(top, of(item)), 0);
        const STATES = { running: ["good", "▶"], finished: ["good", "✓"], starting: ["idle", "…"], paused: ["warn",
          "❚❚"],
          restarting: ["warn", "↻"], failed: ["bad", "✕"] };
        function chip(state, name) {
          const [kind, sign] = STATES[state] || ["idle", "?"];
          return h("span", { class: "chip " + kind, title: name ? name + " is " + state : null },
            h("span", { "aria-hidden": true, text: sign }), h("span", { text: name || state }));
        }
        const columns = (...names) => h("thead", {}, h("tr", {}, names.map(name =>
          h("th", { scope: "col", class: name.startsWith("#") ? "num" : null, text: name.replace("#", "") }))));
        // Bytes that are no text come as hexadecimal digits.
        const blob = (text, hex, nothing = "–") => text ?? (hex ? "0x" + hex : nothing);
        const keyCell = r => h("td", { class: "payload key" + (r.key ?? r.keyHex ? "" : " none"),
          text: blob(r.key, r.keyHex) });
        const empty = text => h("p", { class: "empty", text });

        // Requests. The token is asked for when something needs it, and kept for this tab only.
        async function ask(path, options = {}) {
          const headers = { ...(options.headers || {}) };
          const token = sessionStorage.getItem("token");
          if (token) headers.Authorization = "Bearer " + token;
          const answer = await fetch(path, { ...options, headers });
          if (answer.ok) return answer;
          let message = answer.status + " " + answer.statusText;
          try { const { error } = await answer.json(); message = error.message + (error.advice ? ". " +
            error.advice : ""); }
          catch { /* not ours: the status has to do */ }
          const failure = new Error(message);
          failure.status = answer.status;
          throw failure;
        }
        const get = async path => (await ask(path)).json();
        async function command(path) {
          try { return await (await ask(path, { method: "POST" })).json(); }
          catch (failure) {
            if (failure.status !== 401) throw failure;
            sessionStorage.removeItem("token");
            if (!await askToken()) throw failure;
            return (await ask(path, { method: "POST" })).json();
          }
        }
        function dialog(...children) {
          const box = $("dialog");
          box.replaceChildren(...children);
          if (!box.open) box.showModal();
          return new Promise(done => box.addEventListener("close", () => done(box.returnValue), { once: true }));
        }
        async function askToken() {
          const field = h("input", { type: "password", autocomplete: "off", "aria-label": "Token", id: "token" });
          $("dialog").returnValue = "";
          const answer = await dialog(h("form", { method: "dialog" }, h("h2", { text: "The node's token" }),
            h("p", { class: "small dim", text: "It is in the file console.token of the node's data directory." }),
              field,
            h("div", { class: "actions" }, h("button", { value: "", formnovalidate: true, text: "Cancel" }),
              h("button", { value: "ok", class: "main", text: "Go on" }))));
          if (answer !== "ok" || !field.value) return false;
          sessionStorage.setItem("token", field.value.trim());
          return true;
        }
        const scroll = (label, ...children) => h("div", { class: "scroll", tabindex: 0, role: "region",
          "aria-label": label }, children);
        const tell = (title, text) => dialog(h("form", { method: "dialog" }, h("h2", { text: title }),
          scroll(title, h("pre", { text })),
          h("div", { class: "actions" }, h("button", { class: "main", autofocus: true, text: "Close" }))));
        """#

    /// Server-sent events over fetch, because an EventSource cannot send the token.
    static let streams = #"""
        // Calls `on(event, data, id)`; goes on behind the last id after a break. Returns what ends it.
        function follow(path, on, onState = () => {}) {
          const stop = new AbortController();
          let last = null, wait = 250;
          (async () => {
            while (!stop.signal.aborted) {
              // The node says something every five seconds; who is silent for long is gone without a word.
              const round = new AbortController();
              let silence;
              const heard = () => { clearTimeout(silence); silence = setTimeout(() => round.abort(), 15000); };
              try {
                const headers = { Accept: "text/event-stream" };
                if (last) headers["Last-Event-ID"] = last;
                heard();
                const answer = await ask(path, { headers, signal: AbortSignal.any([stop.signal, round.signal]) });
                onState("on");
                wait = 250;
                const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
                let rest = "";
                for (;;) {
                  const { value, done } = await reader.read();
                  if (done) break;
                  heard();
                  const frames = (rest + value).split("\n\n");
                  rest = frames.pop();
                  for (const frame of frames) {
                    let event = "message", data = "", id = null;
                    for (const line of frame.split("\n")) {
                      if (line.startsWith("event: ")) event = line.slice(7);
                      else if (line.startsWith("data: ")) data += line.slice(6);
                      else if (line.startsWith("id: ")) id = line.slice(4);
                    }
                    if (id) last = id;
                    if (data) on(event, JSON.parse(data), id);
                  }
                }
              } catch (failure) {
                if (stop.signal.aborted) return;
                if (failure.status && failure.status < 500 && failure.status !== 429) {
                  onState("off", failure.message);
                  return;
                }
              } finally { clearTimeout(silence); }
              if (stop.signal.aborted) return;
              onState("off", "reconnecting");
              await new Promise(done => setTimeout(done, wait));
              wait = Math.min(wait * 2, 5000);
            }
          })();
          return () => stop.abort();
        }

        // The last two minutes of every figure, whatever view is open.
        const history = { length: 120, figures: {}, rates: {}, last: null };
        function remember(name, value) {
          const list = history.figures[name] || (history.figures[name] = []);
          list.push(value);
          if (list.length > history.length) list.shift();
        }
        function digest(status) {
          // A node that was started again counts from zero.
          const isSame = history.last && history.last.startedAt === status.startedAt;
          const before = isSame ? history.last : null;
          if (!isSame) history.rates = {};
          history.last = status;
          const tasks = status.pipelines.flatMap(tasksOf);
          const now = Date.parse(status.at), passed = before ? (now - Date.parse(before.at)) / 1000 : 0;
          const speed = (name, total) => {
            const known = history.rates[name];
            // Unknown until there are two: a zero would draw a cliff.
            history.rates[name] = { total, value: known && passed > 0 ? Math.max(0, (total - known.total) / passed) :
              NaN };
            return history.rates[name].value;
          };
          let first = 0, out = 0;
          for (const pipeline of status.pipelines) {
            pipeline.stages.forEach((stage, index) => {
              const key = pipeline.name + "/" + stage.index;
              const read = speed(key + "/in", sum(stage.tasks, t => t.recordsIn));
              const written = speed(key + "/out", sum(stage.tasks, t => t.recordsOut));
              if (index === 0) first += read;
              if (index === pipeline.stages.length - 1) out += written;
            });
          }
          const marks = tasks.filter(t => t.watermark && t.watermark.startsWith("2")).map(t => Date.parse(t.watermark));
          remember("in", first);
          remember("out", out);
          remember("lag", most(tasks, t => t.lagSeconds));
          remember("watermark", marks.length ? Math.max(0, (now - Math.min(...marks)) / 1000) : NaN);
          remember("commit", tasks.length ? most(tasks, t => t.commitAgeSeconds) : NaN);
          remember("cpu", speed("cpu", status.cpuSeconds) * 100);
          remember("memory", status.residentBytes);
          remember("dead", sum(status.pipelines, p => p.deadLetters));
        }
        const latest = name => { const list = history.figures[name]; return list ? list[list.length - 1] : NaN; };
        """#

    /// Tiles with sparklines.
    static let overview = #"""
        function spark(values, color, least = 40) {
          const known = values.slice(values.findIndex(v => isFinite(v))).map(v => isFinite(v) ? v : 0);
          if (!values.some(v => isFinite(v))) known.length = 0;
          const top = Math.max(...known, 1e-9), n = Math.max(least, known.length);
          const x = i => 100 - (known.length - 1 - i) * 100 / (n - 1), y = v => 30 - v / top * 26;
          const line = known.map((v, i) => (i ? "L" : "M") + x(i).toFixed(2) + " " + y(v).toFixed(2)).join("");
          const area = known.length ? line + "L100 32L" + x(0).toFixed(2) + " 32Z" : "";
          return s("svg", { viewBox: "0 0 100 32", preserveAspectRatio: "none", "aria-hidden": true },
            s("path", { class: "base", d: "M0 31.5H100" }), s("path", { class: "area", d: area, fill: color }),
            s("path", { class: "stroke", d: line, stroke: color }));
        }
        const perSecond = v => [short(v)[0], short(v)[1] + "/s"];
        const TILES = [
          ["in", "Records in", perSecond, "var(--in)", null],
          ["out", "Records out", perSecond, "var(--out)", null],
          ["lag", "Lag", span, "var(--lag)", v => v > 60 ? "bad" : v > 10 ? "warn" : null],
          ["watermark", "Watermark delay", span, "var(--lag)", null],
          ["commit", "Commit age", span, "var(--in)", v => v > 60 ? "warn" : null],
          ["cpu", "CPU", v => [isFinite(v) ? v.toFixed(0) : "–", "% of a core"], "var(--out)", null],
          ["memory", "Memory", bytes, "var(--in)", null],
        ];
        function notes(status) {
          const all = status.pipelines.flatMap(p => tasksOf(p).map(t => ({ ...t, pipeline: p.name })));
          const lagging = all.reduce((top, t) => !top || t.lagSeconds > top.lagSeconds ? t : top, null);
          const first = sum(status.pipelines.flatMap(p => p.stages.slice(0, 1)).flatMap(x => x.tasks), t =>
            t.recordsIn);
          const last = sum(status.pipelines.flatMap(p => p.stages.slice(-1)).flatMap(x => x.tasks), t => t.recordsOut);
          const held = all.filter(t => t.watermark && t.watermark.startsWith("2")).reduce((low, t) => !low ||
            t.watermark < low.watermark ? t : low, null);
          return {
            in: count(first) + " since the start", out: count(last) + " since the start",
            lag: lagging && lagging.lagRecords ? many(sum(all, t => t.lagRecords), "record") + " unread, most in " +
              lagging.pipeline + " " + lagging.stage + "/" + lagging.partition : "nothing waits",
            watermark: held ? "at " + clock(held.watermark).slice(11, 19) + ", by " + held.pipeline + " " +
              held.stage + "/" + held.partition : "no window is open",
            commit: all.length ? "the last took " + spanText(most(all, t => t.commitSeconds)) : "",
            cpu: spanText(status.cpuSeconds) + " since the start",
            memory: bytes(sum(all, t => t.stateBytes)).join("\u202f") + " of it state",
          };
        }
        const SIGNS = { warn: "⚠ ", bad: "✕ " };
        function healthTile(status) {
          const tasks = status.pipelines.flatMap(tasksOf);
          return h("section", { class: "panel tile " + (status.healthy ? "good" : "bad"), "data-tile": "health" },
            h("h3", {}, h("span", { text: "Health" }), h("span", { text: "up " + spanText(status.uptimeSeconds) })),
            h("div", { class: "value", text: status.healthy ? "✓ well" : "✕ ill" }),
            h("div", { class: "note", title: status.complaint || "", text: status.complaint ||
              [many(status.pipelines.length, "pipeline"), many(tasks.length, "task"),
                many(sum(tasks, t => t.restarts), "restart")].join(", ") }),
            h("div", { class: "chips" }, status.pipelines.slice(0, 6).map(p => chip(p.state, p.name))));
        }
        function tiles(status) {
          const words = status ? notes(status) : {};
          return h("div", { class: "tiles" }, status ? healthTile(status) : h("section", { class: "panel tile" },
            h("h3", {}, h("span", { text: "Health" })), h("div", { class: "value dim", text: "…" })),
            TILES.map(([name, title, form, color, kind]) => {
              const value = latest(name), [number, unit] = form(value), values = history.figures[name] || [];
              const known = values.filter(isFinite), state = (kind && kind(value)) || "";
              const top = known.length < 2 ? "" : "max " + form(Math.max(...known)).join("\u202f")
                .replace(" of a core", "");
              return h("section", { class: "panel tile " + state, "data-tile": name },
                h("h3", {}, h("span", { text: title }), h("span", { text: top, title: "in the last two minutes" })),
                h("div", { class: "value" }, (SIGNS[state] || "") + number, h("span", { class: "unit", text: unit })),
                h("div", { class: "note", title: words[name], text: words[name] || "\u00a0" }), spark(values, color));
            }));
        }
        """#
}
