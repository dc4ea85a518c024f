import { drawLatency, drawThroughput } from "./charts.js";
import type { RunReport } from "./run-report.js";
import { escapeHtml, faultColours, timeAxis } from "./svg.js";
import type { TimeAxis } from "./svg.js";
import { drawTimeline } from "./timeline.js";

const STYLE = `
body{font:14px/1.45 system-ui,sans-serif;margin:24px auto;max-width:1140px;padding:0 12px;color:#1c2530;background:#fff}
h1{font-size:20px;margin:0 0 8px}h2{font-size:15px;margin:26px 0 6px}
.verdict{padding:9px 14px;border-radius:6px;font-weight:600;color:#fff}
.good{background:#2f7d53}.bad{background:#b3261e}.undecided{background:#8a6100}
table{border-collapse:collapse;margin:14px 0}td{padding:2px 18px 2px 0;vertical-align:top}td:first-child{color:#5b6775}
pre{background:#f3f5f7;padding:10px 12px;border-radius:6px;overflow-x:auto;font-size:12px}
svg{width:100%;height:auto;display:block}svg text{font:11px system-ui,sans-serif;fill:#5b6775}svg .label{fill:#10202c}
.grid{stroke:#e6eaee;stroke-width:1}.fault{opacity:.2}
.op.ok,.bulk.ok{fill:#8cc7a5}.op.fail,.bulk.fail{fill:#c9cfd6}.op.unknown{fill:url(#open)}.bulk.unknown{fill:#e0a030}
.op{stroke:#00000022;stroke-width:.6}.op.offending{stroke:#b3261e;stroke-width:2.4}.bulk.offending{fill:#b3261e}
.line{fill:none;stroke-width:1.4}.p50,.answered{stroke:#2f7d53}.p99{stroke:#c98a12}.longest,.line.unknown{stroke:#b3261e}
.key{display:inline-block;margin-right:16px;font-size:12px;color:#5b6775}.key i{display:inline-block;width:11px;height:11px;margin-right:5px;border-radius:2px;vertical-align:-1px}
`;

type Key = readonly [colour: string, name: string];

/** One page without anything outside of it: no scripts, no fonts, no pictures to fetch. */
export function renderReport(report: RunReport): string {
  const axis = timeAxis(report);
  const parts = [
    `<h1>${escapeHtml(report.title)}</h1>`,
    verdictOf(report),
    factsOf(report),
    report.verdict.explanation === ""
      ? ""
      : `<h2>What is wrong</h2><pre>${escapeHtml(report.verdict.explanation)}</pre>`,
    ...picturesOf(report, axis),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(report.title)}</title><style>${STYLE}</style></head>
<body>
${parts.filter((part) => part !== "").join("\n")}
</body></html>
`;
}

function verdictOf({ verdict }: RunReport): string {
  const look = verdict.ok === null ? "undecided" : verdict.ok ? "good" : "bad";
  return `<div class="verdict ${look}">${escapeHtml(verdict.headline)}</div>`;
}

function factsOf({ command, facts, seed }: RunReport): string {
  const rows: (readonly [string, string])[] = [...facts];
  if (seed !== null) rows.push(["seed", seed]);
  const cells = rows.map(
    ([name, value]) => `<tr><td>${escapeHtml(name)}</td><td>${escapeHtml(value)}</td></tr>`,
  );
  const again = command === null ? "" : `<div>Again:</div><pre>${escapeHtml(command)}</pre>`;
  return (cells.length === 0 ? "" : `<table>${cells.join("")}</table>`) + again;
}

function picturesOf(report: RunReport, axis: TimeAxis): string[] {
  if (report.history.length === 0) return [];
  const faults: Key[] = [...faultColours(report.faults)].map(([kind, colour]) => [colour, kind]);
  const isClocked = report.unit === "ms";
  const outcomes: Key[] = [
    ["#8cc7a5", "answered"],
    ["#c9cfd6", "failed"],
    ["#e0a030", "unknown outcome"],
  ];
  if (report.history.some(({ isOffending }) => isOffending))
    outcomes.push(["#b3261e", "impossible together"]);
  const over = isClocked ? "over time" : "in the order of calls and answers";
  const pictures = [
    `<h2>Operations ${over}, by process</h2>`,
    legend([...outcomes, ...faults]),
    drawTimeline(report, axis),
  ];
  if (!isClocked) return pictures;
  return [
    ...pictures,
    "<h2>Latency</h2>",
    legend([["#2f7d53", "median"], ["#c98a12", "99 of 100 are faster"], ["#b3261e", "longest"], ...faults]),
    drawLatency(report, axis),
    "<h2>Operations a second</h2>",
    legend([["#2f7d53", "answered"], ["#b3261e", "unknown outcome"], ...faults]),
    drawThroughput(report, axis),
  ];
}

function legend(keys: readonly Key[]): string {
  const items = keys.map(
    ([colour, name]) => `<span class="key"><i style="background:${colour}"></i>${escapeHtml(name)}</span>`,
  );
  return `<div>${items.join("")}</div>`;
}
