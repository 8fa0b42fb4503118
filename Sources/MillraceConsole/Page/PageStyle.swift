/// The page's style sheet: two themes from one set of variables, one layout from a phone to a wall.
enum PageStyle {
    static let text = #"""
        :root {
          --bg: #f3f6f8; --panel: #ffffff; --sunk: #eaf0f3; --line: #d5dfe5; --text: #12232d; --dim: #546873;
          --accent: #0b7c9c; --accent-soft: #d6eef5; --good: #1a7f4b; --warn: #9a5b00; --bad: #b3261e;
          --flash: #ffe9a8; --in: #0b7c9c; --out: #7a4bc2; --lag: #b26a00; --shadow: 0 1px 2px #0a24301a,
            0 4px 16px #0a243010;
          --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
        }
        @media (prefers-color-scheme: dark) { :root:not([data-theme=light]) {
          --bg: #0b1318; --panel: #121d24; --sunk: #0e171d; --line: #24343e; --text: #e3edf2; --dim: #8fa5b1;
          --accent: #4cc3e6; --accent-soft: #12323e; --good: #56cf8d; --warn: #f0b04a; --bad: #ff8078;
          --flash: #5b4a12; --in: #4cc3e6; --out: #b794f6; --lag: #f0b04a; --shadow: none; } }
        :root[data-theme=dark] {
          --bg: #0b1318; --panel: #121d24; --sunk: #0e171d; --line: #24343e; --text: #e3edf2; --dim: #8fa5b1;
          --accent: #4cc3e6; --accent-soft: #12323e; --good: #56cf8d; --warn: #f0b04a; --bad: #ff8078;
          --flash: #5b4a12; --in: #4cc3e6; --out: #b794f6; --lag: #f0b04a; --shadow: none; color-scheme: dark; }
        :root[data-theme=light] { color-scheme: light; }
        * { box-sizing: border-box; scrollbar-color: var(--line) transparent; scrollbar-width: thin; }
        html { font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
        @media (min-width: 1800px) { html { font-size: 17px; } }
        @media (min-width: 2400px) { html { font-size: 21px; } }
        @media (min-width: 3000px) { html { font-size: 27px; } }
        [hidden] { display: none !important; }
        body { margin: 0; background: var(--bg); color: var(--text); min-height: 100vh; }
        h1, h2, h3, p { margin: 0; }
        h2 { font-size: 1rem; font-weight: 650; letter-spacing: .01em; }
        a { color: var(--accent); }
        :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
        main:focus { outline: none; }
        .skip { position: absolute; left: -99rem; }
        .skip:focus { left: 1rem; top: .5rem; z-index: 9; background: var(--panel); padding: .4rem .8rem; }
        .bar { display: flex; align-items: center; gap: 1.1rem; padding: .6rem 1.4rem; background: var(--panel);
          border-bottom: 1px solid var(--line); position: sticky; top: 0; z-index: 5; }
        .brand { display: flex; align-items: center; gap: .55rem; color: var(--text); text-decoration: none;
          font-weight: 700; font-size: 1.1rem; letter-spacing: -.01em; }
        .brand svg { width: 1.65rem; height: 1.65rem; fill: none; stroke: var(--accent); stroke-width: 2.2; }
        .turning svg { animation: turn 12s linear infinite; }
        @keyframes turn { to { transform: rotate(1turn); } }
        nav { display: flex; gap: .15rem; flex: 1; min-width: 0; overflow-x: auto; scrollbar-width: none; }
        nav a { color: var(--dim); text-decoration: none; padding: .35rem .75rem; border-radius: 6px;
          white-space: nowrap; }
        nav a:hover { background: var(--sunk); color: var(--text); }
        nav a[aria-current] { background: var(--accent-soft); color: var(--accent); font-weight: 600; }
        .live { font-size: .82rem; color: var(--dim); white-space: nowrap; }
        .live::before { content: "○ "; } .live.on { color: var(--good); } .live.on::before { content: "● "; }
        .live.off { color: var(--bad); } .live.off::before { content: "✕ "; }
        main { padding: 1.2rem 1.4rem 3rem; max-width: 150rem; margin: 0 auto; display: grid; gap: 1.1rem; }
        .view { display: contents; }
        .panel { background: var(--panel); border: 1px solid var(--line); border-radius: 10px;
          box-shadow: var(--shadow);
          min-width: 0; }
        .panel > header { display: flex; align-items: center; flex-wrap: wrap; gap: .6rem; padding: .75rem 1rem;
          border-bottom: 1px solid var(--line); }
        .panel > header h2 { margin-right: auto; overflow-wrap: anywhere; }
        .pad { padding: .9rem 1rem; }
        .dim { color: var(--dim); } .small { font-size: .85rem; } .right { text-align: right; }
        .num, .mono { font-family: var(--mono); font-size: .86rem; font-variant-numeric: tabular-nums; }
        .tiles { display: grid; gap: .8rem; grid-template-columns: repeat(4, minmax(0, 1fr)); }
        @media (min-width: 2000px) { .tiles { grid-template-columns: repeat(8, minmax(0, 1fr)); } }
        @media (max-width: 900px) { .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .6rem; } }
        .tile { padding: .75rem .95rem 0; display: grid; grid-template-rows: auto auto auto 1fr; overflow: hidden;
          min-height: 8.9rem; }
        .tile h3 { display: flex; justify-content: space-between; gap: .5rem; font-size: .8rem; font-weight: 600;
          color: var(--dim); white-space: nowrap; overflow: hidden; }
        .tile h3 span + span { font-weight: 400; font-size: .76rem; font-variant-numeric: tabular-nums;
          overflow: hidden; text-overflow: ellipsis; }
        .tile .chips { display: flex; flex-wrap: wrap; gap: .35rem; align-self: end; padding-bottom: .85rem;
          max-height: 4.2rem; overflow: hidden; }
        .base { fill: none; stroke: var(--line); vector-effect: non-scaling-stroke; }
        .tile .value { font-size: 2.05rem; font-weight: 680; letter-spacing: -.03em; line-height: 1.15;
          font-variant-numeric: tabular-nums; white-space: nowrap; }
        .tile .unit { font-size: .95rem; font-weight: 500; color: var(--dim); letter-spacing: 0; margin-left: .25rem; }
        .tile .note { font-size: .78rem; color: var(--dim); min-height: 1.2em; overflow: hidden;
          text-overflow: ellipsis;
          white-space: nowrap; }
        .tile svg { width: calc(100% + 1.9rem); height: 2.6rem; margin: .25rem -.95rem 0; align-self: end;
          display: block; }
        .tile .area { opacity: .16; } .tile .stroke { fill: none; stroke-width: 1.6;
          vector-effect: non-scaling-stroke; }
        .tile.bad .note { white-space: normal; display: -webkit-box; -webkit-line-clamp: 3; color: var(--bad);
          -webkit-box-orient: vertical; } .tile.bad .chips { padding-top: .4rem; }
        .tile.warn .value { color: var(--warn); } .tile.bad .value { color: var(--bad); }
        .tile.good .value { color: var(--good); }
        @media (max-width: 480px) { .tile .value { font-size: 1.55rem; } .tile { min-height: 7.4rem;
          padding-inline: .8rem; } .tile:not(:first-child) h3 span + span { display: none; }
          .tile:first-child, .tile:last-child { grid-column: 1 / -1; min-height: 0; }
          .tile svg { width: calc(100% + 1.6rem);
          margin-inline: -.8rem; } .tile .note { white-space: normal; display: -webkit-box; -webkit-line-clamp: 2;
          -webkit-box-orient: vertical; min-height: 2.4em; } .tile:first-child .note { min-height: 0; }
          .tile .chips { padding-top: .5rem; } }
        .chip { display: inline-flex; gap: .35rem; align-items: center; border: 1px solid currentColor;
          border-radius: 99px;
          padding: .05rem .6rem; font-size: .78rem; font-weight: 600; white-space: nowrap; }
        .chip.good { color: var(--good); } .chip.warn { color: var(--warn); } .chip.bad { color: var(--bad); }
        .chip.idle { color: var(--dim); } .chip span:last-child { overflow: hidden; text-overflow: ellipsis; }
        .chip { max-width: 100%; } .buttons { display: flex; gap: .4rem; }
        .away { background: var(--bad); color: var(--panel); padding: .45rem 1.4rem; font-weight: 600;
          position: fixed; inset: auto 0 0; z-index: 4; margin: 0; font-variant-numeric: tabular-nums; }
        .stale .tiles, .stale .flow, .stale .results, .stale .tasks { opacity: .5; filter: grayscale(1); }
        .stale .edge line { animation-play-state: paused; }
        .foot { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; padding: 0 1.4rem 1.2rem; color: var(--dim);
          font-size: .8rem; max-width: 150rem; margin: 0 auto; } .foot a { color: inherit; }
        .foot span { margin-right: auto; overflow-wrap: anywhere; }
        button, select, input { font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--line);
          border-radius: 7px; padding: .3rem .7rem; min-height: 2.1rem; min-width: 0; }
        a.button { font-size: .88rem; font-weight: 550; color: inherit; text-decoration: none; padding: .3rem .7rem;
          border: 1px solid var(--line); border-radius: 7px; min-height: 2.1rem; }
        a.button:hover { border-color: var(--accent); color: var(--accent); }
        input.brief { width: 5.5rem; }
        button { cursor: pointer; font-weight: 550; font-size: .88rem; } button:hover { border-color: var(--accent);
          color: var(--accent); }
        button.main { background: var(--accent); color: var(--panel); border-color: var(--accent); }
        button.plain { border-color: transparent; background: none; font-size: 1.1rem; padding: .2rem .5rem; }
        button[aria-pressed=true] { background: var(--accent-soft); color: var(--accent); border-color: var(--accent); }
        button:disabled { opacity: .5; cursor: default; }
        .flow { display: flex; align-items: stretch; padding: 1.1rem 1rem; overflow-x: auto; }
        .node { border: 1.5px solid var(--line); border-radius: 9px; padding: .6rem .8rem; background: var(--sunk);
          flex: 0 1 auto; min-width: 8.5rem; text-align: left; display: grid; gap: .2rem; align-content: center; }
        .inputs { display: grid; gap: .6rem; flex: 0 1 auto; min-width: 8.5rem; }
        a.node { color: inherit; text-decoration: none; } a.node:hover, button.node:hover { border-color: var(--accent);
          color: inherit; }
        .node.stage { flex: 1 1 16rem; max-width: 34rem; background: var(--panel); font-weight: 400; }
        .node[aria-expanded=true] { border-color: var(--accent); }
        .node .kind { font-size: .72rem; color: var(--dim); }
        .node .name { font-weight: 650; overflow-wrap: break-word; min-width: 0; }
        .tasks td, .tasks th { padding-inline: .55rem; } .tasks .holder { min-width: 11rem; }
        .tasks { border-top: 1px solid var(--line); }
        .node .steps { display: grid; font-size: .84rem; }
        .node .step { overflow: hidden; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2;
          padding-left: .8rem; position: relative; overflow-wrap: anywhere; }
        .node .step::before { content: ""; position: absolute; left: .1rem; top: .5em; width: .35rem; height: .35rem;
          border-radius: 50%; background: var(--accent); }
        .load { display: flex; height: .45rem; border-radius: 3px; overflow: hidden; background: var(--sunk);
          border: 1px solid var(--line); margin-top: .2rem; }
        .load .busy { background: var(--accent); }
        .load .blocked { background: repeating-linear-gradient(45deg, var(--warn) 0 3px, transparent 3px 6px); }
        .edge { flex: 1 1 7rem; min-width: 6.5rem; max-width: 13rem; display: grid; align-content: center;
          justify-items: center; padding: 0 .5rem; text-align: center; gap: .1rem; }
        .edge .rate { font-weight: 650; font-variant-numeric: tabular-nums; white-space: nowrap; }
        .edge { color: inherit; text-decoration: none; border-radius: 8px; align-self: center; padding-block: .4rem; }
        .edge:hover { background: var(--sunk); }
        .edge .more { font-size: .74rem; color: var(--dim); white-space: nowrap; }
        .edge.behind .more { color: var(--warn); }
        .edge .tap { font-size: .72rem; color: var(--accent); text-decoration: underline; }
        .results { display: grid; grid-template-columns: repeat(var(--columns, 6), minmax(0, 1fr));
          border-radius: 0 0 10px 10px; overflow: hidden; }
        .result { box-shadow: 0 0 0 .5px var(--line); padding: .7rem .9rem 0; display: grid; color: inherit;
          grid-template-columns: minmax(0, 1fr) auto; align-items: baseline; gap: 0 .6rem; text-decoration: none;
          min-width: 0; }
        .result:hover { background: var(--sunk); } .result:focus-visible { outline-offset: -3px; }
        .result .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; color: var(--dim); }
        .result .value { font-size: 1.45rem; font-weight: 680; font-variant-numeric: tabular-nums;
          letter-spacing: -.02em; }
        .result .change { grid-column: 1 / -1; text-align: right; font-size: .78rem; color: var(--dim);
          font-variant-numeric: tabular-nums; }
        .result svg { grid-column: 1 / -1; width: calc(100% + 1.8rem); height: 2.6rem; margin: .2rem -.9rem 0;
          display: block; }
        .result .area { opacity: .14; } .result .stroke { fill: none; stroke-width: 1.6;
          vector-effect: non-scaling-stroke; }
        @media (min-width: 2000px) { .result svg { height: 7rem; } .result .value { font-size: 1.9rem; } }
        @media (max-width: 480px) { .result { grid-template-columns: minmax(0, 1fr); gap: 0; }
          .result .change { text-align: left; } }
        .edge svg { width: 100%; height: 14px; overflow: visible; }
        .edge line { stroke: var(--accent); stroke-width: 2; stroke-dasharray: 7 6; }
        .edge path { fill: var(--accent); }
        .edge.moving line { animation: run .8s linear infinite; }
        .edge.behind line { stroke: var(--warn); stroke-width: 4; } .edge.behind path { fill: var(--warn); }
        @keyframes run { to { stroke-dashoffset: -13; } }
        @media (prefers-reduced-motion: reduce) { .edge.moving line, .turning svg { animation: none; } }
        @media (max-width: 760px) {
          .flow { flex-direction: column; align-items: stretch; }
          .node.stage { max-width: none; flex-basis: auto; }
          .edge { max-width: none; min-height: 3.6rem; padding: .3rem; } .edge svg { display: none; }
          .edge::before { content: "↓"; color: var(--accent); font-size: 1.2rem; line-height: 1; }
          .edge.behind::before { color: var(--warn); }
          .bar { flex-wrap: wrap; padding: .5rem .8rem; gap: .4rem .8rem; } nav { order: 5; flex: 1 0 100%; }
          .live { margin-left: auto; } .date { display: none; } th, td { padding: .35rem .55rem; } main {
            padding: .8rem .7rem 2rem; }
        }
        .scroll { overflow: auto; max-height: max(22rem, calc(100vh - 17.5rem)); }
          .date { color: var(--dim); }
        table { border-collapse: collapse; width: 100%; font-size: .88rem; }
        th { text-align: left; font-weight: 600; color: var(--dim); font-size: .78rem; position: sticky; top: 0;
          background: var(--panel); box-shadow: inset 0 -1px var(--line); white-space: nowrap; z-index: 1; }
        th, td { padding: .4rem .8rem; vertical-align: top; }
        td { border-top: 1px solid var(--line); font-variant-numeric: tabular-nums; }
        tbody tr:first-child td { border-top: 0; }
        td.num, th.num { text-align: right; } th.num { font-family: inherit; font-size: .78rem; }
        td.payload { font-family: var(--mono); font-size: .82rem; overflow-wrap: anywhere; white-space: pre-wrap;
          min-width: 6rem; unicode-bidi: plaintext; }
        .records td.payload:last-child { min-width: 13rem; width: 75%; }
        .letters td.payload:last-child { min-width: 13rem; width: 40%; }
        td.tight, td.num { white-space: nowrap; } td.id a { color: inherit; text-underline-offset: .2em;
          text-decoration-color: var(--line); } td.id a:hover { color: var(--accent); }
        tbody tr:hover td { background: var(--sunk); }
        tr.flash td { animation: flash 1.6s ease-out; } @keyframes flash { from { background: var(--flash); } }
        @media (prefers-reduced-motion: reduce) { tr.flash td { animation: none;
          box-shadow: inset 3px 0 var(--warn); } }
        .split { display: grid; grid-template-columns: minmax(13rem, 17rem) minmax(0, 1fr); gap: 1.1rem;
          align-items: start; }
        @media (max-width: 900px) { .split { grid-template-columns: minmax(0, 1fr); } }
        .list { display: grid; padding: .4rem; } .list a { display: grid; padding: .5rem .65rem; border-radius: 7px;
          text-decoration: none; color: inherit; overflow-wrap: anywhere; } .list a:hover { background: var(--sunk); }
        .list a[aria-current] { background: var(--accent-soft); } .list a b { font-weight: 620; }
        .tools { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; padding: .65rem 1rem;
          border-bottom: 1px solid var(--line); } .tools label { display: flex; gap: .4rem; align-items: center;
          font-size: .84rem; color: var(--dim); } .tools input { flex: 0 1 13rem; }
        .tools input.brief { flex: 0 0 5.5rem; } .tools input.wide { flex: 0 1 14rem; }
        .tools .grow { flex: 1 1 10rem; }
        .chart { display: block; max-width: 100%; touch-action: pan-y; }
        .chart text { fill: var(--dim); font-size: .75rem; }
        .chart .cross { stroke: var(--dim); stroke-dasharray: 3 3; } .chart .told { fill: var(--text); }
        .chart .grid, .chart .tick { stroke: var(--line); }
        .chart .stroke { fill: none; stroke: var(--accent); stroke-width: 2; }
        .chart .area { fill: var(--accent); opacity: .14; } .chart circle { fill: var(--accent); }
        .empty { padding: 2.2rem 1rem; text-align: center; color: var(--dim); }
        .gap { padding: .35rem 1rem; color: var(--warn); border-bottom: 1px solid var(--line); font-size: .85rem; }
        td.error { min-width: 14rem; }
        .held { display: block; margin: .5rem auto 0; } h3.pad { border-top: 1px solid var(--line); font-size: .9rem; }
        td.empty code { display: block; margin-top: .6rem; font: .84rem/1.5 var(--mono); overflow-wrap: anywhere; }
        td.empty { padding: 2.2rem 1rem; text-align: center; color: var(--dim); background: none; }
        @media (max-width: 600px) {
          .tools input, .tools .grow, .tools select { flex: 1 1 100%; } .tools input.brief { flex: 1 1 5rem; }
          .tools label { flex: 1 1 auto; } .hint { display: none; }
          .records, .letters, .records tbody, .letters tbody { display: block; }
          .records thead, .letters thead { position: absolute; left: -99rem; } td.key.none { display: none; }
          .records tr, .letters tr { display: grid; grid-template-columns: auto 1fr; padding: .35rem 0;
            border-top: 1px solid var(--line); }
          .records tbody td, .letters tbody td { border: 0; padding: .1rem .8rem; text-align: left; }
          .records td.payload, .letters td.payload, .letters td.error, td.empty { grid-column: 1 / -1; min-width: 0;
            width: auto !important; }
          .records td.key, .letters td.key { font-weight: 600; } .letters td.tries { display: none; }
          #rows td:first-child, #rows th:first-child { position: sticky; left: 0; background: var(--panel);
            z-index: 2; }
        }
        .gap.dim { color: var(--dim); }
        .error { color: var(--bad); overflow-wrap: anywhere; }
        pre { margin: 0; font: .84rem/1.5 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; }
        dialog { background: var(--panel); color: var(--text); border: 1px solid var(--line); border-radius: 12px;
          padding: 1.2rem 1.3rem; max-width: min(44rem, 92vw); width: 34rem; }
        dialog::backdrop { background: #04101799; } dialog form { display: grid; gap: .8rem; }
        .actions { display: flex; gap: .5rem; justify-content: flex-end; }
        """#
}
