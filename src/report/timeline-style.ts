/** Style sheet of the timeline. Colours come as variables, so that dark mode is one block. */
export const TIMELINE_STYLE = `
:root { color-scheme: light dark; --back: #ffffff; --text: #1b1f24; --soft: #59636e; --line: #d8dee4; --row: #f6f8fa;
  --queued: #c4ccd4; --pending: #e3b341; --success: #2da44e; --failed: #cf222e; --unfinished: #3b82d0; --area: #8ab4e8; }
@media (prefers-color-scheme: dark) { :root { --back: #0d1117; --text: #e6edf3; --soft: #9198a1; --line: #30363d; --row: #161b22;
  --queued: #484f58; --pending: #bb8009; --success: #2ea043; --failed: #f85149; --unfinished: #4493f8; --area: #1f4e8c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px; max-width: 1280px; background: var(--back); color: var(--text);
  font: 14px/1.45 system-ui, sans-serif; }
h1 { font-size: 20px; margin: 0 0 4px; } h2 { font-size: 16px; margin: 28px 0 8px; }
p { margin: 4px 0; } .soft { color: var(--soft); }
.legend span { display: inline-flex; align-items: center; gap: 5px; margin-right: 14px; }
.legend i { width: 12px; height: 12px; border-radius: 2px; }
.row { display: grid; grid-template-columns: minmax(120px, 220px) 1fr 76px; gap: 10px; align-items: center; min-height: 22px; }
.row:nth-child(even) { background: var(--row); }
.name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; padding-left: 4px; }
.span { text-align: right; padding-right: 4px; font-variant-numeric: tabular-nums; }
.track { position: relative; height: 14px; } .axis .track { height: 18px; }
.track > b { position: absolute; top: 0; bottom: 0; min-width: 2px; border-radius: 2px; }
.tick { position: absolute; transform: translateX(-50%); white-space: nowrap; font-size: 11px; color: var(--soft); }
.tick:first-child { transform: none; } .tick:last-child { transform: translateX(-100%); }
.queued { background: var(--queued); } .pending { background: var(--pending); }
.success { background: var(--success); } .failed { background: var(--failed); } .unfinished { background: var(--unfinished); }
.mark { width: 2px; background: var(--text); }
.slots svg { display: block; width: 100%; height: 64px; border-bottom: 1px solid var(--line); }
.slots polygon { fill: var(--area); } .slots line { stroke: var(--soft); stroke-dasharray: 4 4; vector-effect: non-scaling-stroke; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 6px 10px 6px 4px; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; } code, pre { font: 12px/1.4 ui-monospace, monospace; }
pre { margin: 4px 0 0; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 180px; overflow-y: auto; }
details summary { cursor: pointer; color: var(--soft); }
`;
