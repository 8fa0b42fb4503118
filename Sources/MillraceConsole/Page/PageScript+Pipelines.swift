extension PageScript {
    /// The graph of each pipeline, its tasks, and what can be asked of it.
    static let pipelines = #"""
        const opened = new Set();
        function edge(perSecond, lag, mark) {
          const behind = lag > 5;
          return h("div", { class: "edge" + (perSecond > 0 ? " moving" : "") + (behind ? " behind" : "") },
            h("span", { class: "rate", text: rate(perSecond) }),
            s("svg", { viewBox: "0 0 100 14", preserveAspectRatio: "none", "aria-hidden": true },
              s("line", { x1: 0, y1: 7, x2: 92, y2: 7, "vector-effect": "non-scaling-stroke" }),
              s("path", { d: "M91 2.5L100 7L91 11.5Z" })),
            h("span", { class: "more", text: behind ? "behind " + spanText(lag) : mark || "keeping up" }));
        }
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
            h("span", { class: "kind", text: "stage " + stage.index + " · " + stage.tasks.length +
              (stage.tasks.length === 1 ? " task" : " tasks") }),
            h("span", { class: "steps", text: stage.title }), loadBar(stage.tasks));
        }
        function taskTable(pipeline, stage) {
          return h("div", { class: "scroll" }, h("table", {},
            columns("Task", "State", "#Lane", "#Lag", "#Records behind", "Watermark", "Held by", "#In", "#Out",
              "#Late", "#Bad",
              "#Busy", "#Blocked", "#Commit took", "#State", "#Restarts"),
            h("tbody", {}, stage.tasks.map(t => h("tr", {},
              h("td", { class: "tight", text: stage.index + "/" + t.partition }), h("td", {}, chip(t.state)),
              h("td", { class: "num", text: t.lane }), h("td", { class: "num", text: spanText(t.lagSeconds) }),
              h("td", { class: "num", text: count(t.lagRecords) }), h("td", { class: "tight mono",
                text: clock(t.watermark) }),
              h("td", { class: "small", text: t.watermarkHolder || "–" }), h("td", { class: "num",
                text: count(t.recordsIn) }),
              h("td", { class: "num", text: count(t.recordsOut) }), h("td", { class: "num",
                text: count(t.lateRecords) }),
              h("td", { class: "num", text: count(t.badRecords) }),
              h("td", { class: "num", text: Math.round(t.busy * 100) + " %" }),
              h("td", { class: "num", text: Math.round(t.blocked * 100) + " %" }),
              h("td", { class: "num", text: spanText(t.commitSeconds) }),
              h("td", { class: "num", text: bytes(t.stateBytes).join("\u2009") }),
              h("td", { class: "num", title: t.lastFailure || "", text: t.restarts }))))));
        }
        function pipelinePanel(pipeline) {
          const path = "/pipelines/" + encodeURIComponent(pipeline.name);
          const show = (title, part) => async () => {
            try { await tell(title, await (await ask(path + part)).text()); } catch (failure) { await tell(title,
              failure.message); }
          };
          const paused = pipeline.state === "paused";
          const steer = async () => {
            try { await command(path + (paused ? "/resume" : "/pause")); } catch (failure) {
              await tell(pipeline.name, failure.message); }
          };
          const parts = [], last = pipeline.stages.length - 1;
          pipeline.stages.forEach((stage, index) => {
            const internal = stage.input.startsWith("_"), key = pipeline.name + "/" + stage.index;
            parts.push(h("a", { class: "node", href: "#/logs/" + encodeURIComponent(stage.input) },
              h("span", { class: "kind", text: internal ? "shuffle" : "log" }),
              h("span", { class: "name", text: internal ? "by key" : stage.input }),
              h("span", { class: "small dim", text: stage.tasks.length + " partitions" })));
            const marks = stage.tasks.map(t => t.watermark).filter(Boolean).sort();
            parts.push(edge((history.rates[key + "/in"] || {}).value || 0, most(stage.tasks, t => t.lagSeconds),
              marks.length ? "to " + clock(marks[0]).slice(11, 19) : ""));
            parts.push(stageNode(pipeline, stage));
            if (index < last) parts.push(edge((history.rates[key + "/out"] || {}).value || 0, 0, "grouped"));
          });
          if (last >= 0) parts.push(edge((history.rates[pipeline.name + "/" + pipeline.stages[last].index + "/out"] ||
            {}).value || 0,
            0, "committed"));
          for (const output of pipeline.outputs) parts.push(h("a", { class: "node", href: "#/tables/" +
            encodeURIComponent(output) },
            h("span", { class: "kind", text: "output" }), h("span", { class: "name", text: output })));
          const bad = pipeline.deadLetters || pipeline.parkedKeys;
          return h("section", { class: "panel", "data-pipeline": pipeline.name }, h("header", {}, h("h2", {
            text: pipeline.name }),
            chip(pipeline.state),
            bad ? h("a", { class: "chip warn", href: "#/letters/" + encodeURIComponent(pipeline.name) },
              count(pipeline.deadLetters) + " dead letters, " + count(pipeline.parkedKeys) + " parked keys") : null,
            h("button", { type: "button", text: "Why", on: { click: show("Why: " + pipeline.name, "/why") } }),
            h("button", { type: "button", text: "Plan", on: { click: show("Plan: " + pipeline.name, "/plan") } }),
            h("button", { type: "button", text: paused ? "Resume" : "Pause", on: { click: steer } })),
            pipeline.failure ? h("p", { class: "pad error", text: pipeline.failure }) : null,
            h("div", { class: "flow" }, parts),
            pipeline.stages.filter(x => opened.has(pipeline.name + "/" + x.index)).map(x => taskTable(pipeline, x)));
        }
        function overviewView() {
          const status = history.last;
          if (!status) return [empty("Waiting for the node's first word")];
          return [tiles(status), status.pipelines.length ? status.pipelines.map(pipelinePanel)
            : h("section", { class: "panel" }, empty("No pipeline runs on this node"))];
        }
        """#
}
