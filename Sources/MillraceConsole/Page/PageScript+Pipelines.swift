extension PageScript {
    /// The graph of each pipeline, its tasks, and what can be asked of it.
    static let pipelines = #"""
        const opened = new Set();
        // What passes between two nodes; its link puts a tap on it.
        function edge(pipeline, stage, side, perSecond, about) {
          const tasks = stage.tasks, lag = side === "in" ? most(tasks, t => t.lagSeconds) : 0;
          const held = side === "in" ? most(tasks, t => t.blocked) : 0;
          const marks = tasks.map(t => t.watermark).filter(Boolean).sort();
          const behind = lag > 5 || held > 0.2;
          const state = lag > 5 ? "behind " + spanText(lag) : held > 0.02 ? "held up " + Math.round(held * 100) + " %"
            : about;
          const key = pipeline + "/" + stage.index + "/" + side;
          return h("a", { class: "edge" + (perSecond > 0 ? " moving" : "") + (behind ? " behind" : ""),
            href: "#/tap/" + encodeURIComponent(pipeline) + "/" + stage.index + "/" + side, "data-key": key,
            title: "Look at what passes here" },
            h("span", { class: "rate", text: rate(perSecond) }),
            s("svg", { viewBox: "0 0 100 14", preserveAspectRatio: "none", "aria-hidden": true },
              s("line", { x1: 0, y1: 7, x2: 92, y2: 7, "vector-effect": "non-scaling-stroke" }),
              s("path", { d: "M91 2.5L100 7L91 11.5Z" })),
            h("span", { class: "more", text: (behind ? "⚠ " : "") + state }),
            h("span", { class: "more", text: marks.length ? "time " + markText(marks[0]) : "no time yet" }),
            h("span", { class: "tap", text: "tap" }));
        }
        const markText = mark => mark.startsWith("2") ? clock(mark).slice(11, 19) : "at its end";
        function loadBar(tasks) {
          const n = Math.max(1, tasks.length), busy = sum(tasks, t => t.busy) / n, blocked = sum(tasks, t =>
            t.blocked) / n;
          const bar = h("div", { class: "load", role: "img", "aria-label": "busy " + Math.round(busy * 100) +
            " %, blocked " +
            Math.round(blocked * 100) + " %" }, h("span", { class: "busy" }), h("span", { class: "blocked" }));
          bar.children[0].style.width = busy * 100 + "%";
          bar.children[1].style.width = blocked * 100 + "%";
          return [bar, h("span", { class: "small dim", text: "busy " + Math.round(busy * 100) + " %" +
            (blocked > 0.005 ? ", blocked " + Math.round(blocked * 100) + " %" : "") }) ];
        }
        function stageNode(pipeline, stage) {
          const key = pipeline.name + "/" + stage.index;
          return h("button", { class: "node stage", type: "button", "aria-expanded": String(opened.has(key)),
            "data-key": key,
            on: { click: () => { if (!opened.delete(key)) opened.add(key); draw(); } } },
            h("span", { class: "kind", text: "stage " + stage.index + " · " + many(stage.tasks.length, "task") }),
            h("span", { class: "steps" }, stage.title.split(" → ").map(step => h("span", { class: "step", title: step,
              text: step }))), loadBar(stage.tasks));
        }
        function taskTable(pipeline, stage) {
          const percent = v => Math.round(v * 100) + "\u202f%";
          return h("div", { class: "tasks", "data-key": "tasks/" + stage.index },
            scroll("Tasks of stage " + stage.index, h("table", {},
              columns("Task", "State", "#Lane", "#Lag", "#Unread", "Watermark", "Held by", "#In", "#Out", "#Late",
                "#Bad", "#Busy", "#Blocked", "#Commit", "#State", "#Restarts"),
              h("tbody", {}, stage.tasks.map(t => {
                const num = (text, title) => h("td", { class: "num", text, title });
                return h("tr", {},
                  h("td", { class: "tight", text: stage.index + "/" + t.partition }), h("td", {}, chip(t.state)),
                  num(t.lane), num(spanText(t.lagSeconds)), num(count(t.lagRecords)),
                  h("td", { class: "tight mono", text: t.watermark ? markText(t.watermark) : "–",
                    title: clock(t.watermark) }),
                  h("td", { class: "small holder", text: t.watermarkHolder || "–" }),
                  num(rate(t.inPerSecond), count(t.recordsIn) + " since the start"),
                  num(rate(t.outPerSecond), count(t.recordsOut) + " since the start"),
                  num(count(t.lateRecords)), num(count(t.badRecords)), num(percent(t.busy)), num(percent(t.blocked)),
                  num(spanText(t.commitSeconds), spanText(t.commitAgeSeconds) + " ago, " + many(t.commits, "commit")),
                  num(bytes(t.stateBytes).join("\u202f")), num(t.restarts, t.lastFailure || ""));
              })))));
        }
        function pipelinePanel(pipeline) {
          const path = "/pipelines/" + encodeURIComponent(pipeline.name);
          const show = (title, part) => async () => {
            try { await tell(title, await (await ask(path + part)).text()); } catch (failure) { await tell(title,
              failure.message); }
          };
          const paused = pipeline.state === "paused", over = ["failed", "stopped", "finished"].includes(pipeline.state);
          const steer = async () => {
            try { await command(path + (paused ? "/resume" : "/pause")); } catch (failure) {
              await tell(pipeline.name, failure.message); }
          };
          const parts = [], last = pipeline.stages.length - 1;
          const speed = (stage, side) => (history.rates[pipeline.name + "/" + stage.index + "/" + side] || {}).value;
          pipeline.stages.forEach((stage, index) => {
            parts.push(h("div", { class: "inputs" }, stage.inputs.map(input => {
              const internal = input.startsWith("_"), isLog = history.logs.has(input);
              return h(isLog ? "a" : "div", { class: "node", href: isLog ? "#/logs/" + encodeURIComponent(input) : null,
                "data-key": pipeline.name + "/input/" + input },
                h("span", { class: "kind", text: internal ? "shuffle" : isLog ? "log" : "source" }),
                h("span", { class: "name" }, soft(internal ? "by key" : input)),
                h("span", { class: "small dim", text: many(stage.tasks.length, "partition") }));
            })));
            parts.push(edge(pipeline.name, stage, "in", speed(stage, "in"), "keeping up"));
            parts.push(stageNode(pipeline, stage));
            parts.push(edge(pipeline.name, stage, "out", speed(stage, "out"), index < last ? "grouped" : "committed"));
          });
          for (const output of pipeline.outputs) {
            const isLog = history.logs.has(output), isTable = history.tables.has(output);
            parts.push(h(isLog || isTable ? "a" : "div", { class: "node", href: isTable ? "#/tables/" +
              encodeURIComponent(output) : isLog ? "#/logs/" + encodeURIComponent(output) : null },
              h("span", { class: "kind", text: isTable ? "table" : isLog ? "log" : "output" }), h("span", {
                class: "name" }, soft(output))));
          }
          const bad = pipeline.deadLetters || pipeline.parkedKeys;
          return h("section", { class: "panel", "data-pipeline": pipeline.name, "data-key": pipeline.name },
            h("header", {}, h("h2", { text: pipeline.name }),
            chip(pipeline.state),
            bad ? h("a", { class: "chip warn", href: "#/letters/" + encodeURIComponent(pipeline.name) }, "⚠ ",
              [pipeline.deadLetters ? many(pipeline.deadLetters, "dead letter") : "",
                pipeline.parkedKeys ? many(pipeline.parkedKeys, "parked key") : ""].filter(Boolean).join(", ")) : null,
            h("span", { class: "buttons" },
              h("button", { type: "button", text: "Why", on: { click: show("Why: " + pipeline.name, "/why") } }),
              h("button", { type: "button", text: "Plan", on: { click: show("Plan: " + pipeline.name, "/plan") } }),
              over ? null : h("button", { type: "button", text: paused ? "Resume" : "Pause", on: { click: steer } }))),
            pipeline.failure ? h("p", { class: "pad error", text: pipeline.failure }) : null,
            h("div", { class: "flow" }, parts),
            pipeline.stages.filter(x => opened.has(pipeline.name + "/" + x.index)).map(x => taskTable(pipeline, x)));
        }
        function overviewView() {
          const status = history.last;
          // The same places as with figures, so that nothing jumps when they come.
          if (!status) return [tiles(null), h("section", { class: "panel" },
            empty("Waiting for the node's first word"))];
          return [tiles(status), status.pipelines.length ? status.pipelines.map(p => [pipelinePanel(p),
            p.outputs.map(resultPanel)])
            : h("section", { class: "panel" }, empty("No pipeline runs on this node"))];
        }
        """#
}
