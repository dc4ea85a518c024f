import { barsChart, linesChart } from "./charts.js";
import type { Series } from "./charts.js";
import { escapeHtml } from "./html-text.js";
import { costTable, describeMachine, latencyTable, memoryTable, speedTable } from "./tables.js";
import type { Table } from "./tables.js";
import type { Results } from "./results.js";
import { rowsOf, titleOf } from "./summary.js";
import type { Cell, Row } from "./summary.js";

const STYLE = `
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #666; --line: #ccc; --ground: #fff }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --soft: #a0a0a0; --line: #444; --ground: #17181a } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); max-width: 1100px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.6em } h2 { font-size: 1.2em; margin-top: 2em }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(480px, 1fr)); gap: 1.5em }
figure { margin: 0 } figcaption { font-weight: 600; margin-bottom: .3em } svg { width: 100%; height: auto }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif } svg .grid { stroke: var(--line); stroke-width: .5 }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums }
th, td { padding: .25em .6em; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left } .note { color: var(--soft) }
`;

/** One page that needs nothing else: tables, and curves as SVG. */
export function htmlReport(results: Results): string {
  const rows = rowsOf(results);
  const curves = [
    ...new Set(rows.flatMap(({ workload }) => (workload.curve === null ? [] : [workload.curve.name]))),
  ];
  const charts = curves.flatMap((name) => {
    const of = rows.filter(({ workload }) => workload.curve?.name === name);
    if (of.length < 2) return [];
    return [
      lines(results, of, {
        title: `${name}: operations a second by clients`,
        unit: "/s",
        pick: ({ perSecond }) => perSecond,
      }),
      lines(results, of, {
        title: `${name}: p50 in ms by clients`,
        unit: "ms",
        pick: ({ p50 }) => p50 / 1000,
      }),
      lines(results, of, {
        title: `${name}: p99 in ms by clients`,
        unit: "ms",
        pick: ({ p99 }) => p99 / 1000,
      }),
    ];
  });
  const others = rows
    .filter(({ workload }) => workload.curve === null && workload.name !== "open")
    .map(({ workload, cells }) =>
      figure(
        `${workload.title}: ${workload.unit} a second`,
        barsChart(
          [...cells].map(([name, { perSecond }]) => ({
            name: titleOf(results, name),
            side: name,
            value: perSecond,
          })),
        ),
      ),
    );
  const spreads = rows
    .filter(({ workload }) => ["put-256", "get-256", "open"].includes(workload.name))
    .map(({ workload, cells }) =>
      figure(`${workload.title}: latency in ms by percentile`, spread(results, cells)),
    );
  const notes = results.sides
    .filter(({ unsynced }) => unsynced !== null)
    .map(
      ({ title, unsynced }) =>
        `<p class="note">${escapeHtml(`${title}: acknowledges before anything is synced; ${unsynced}`)}</p>`,
    );
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>raftkv beside its peers</title><style>${STYLE}</style>
<h1>raftkv beside its peers</h1>
<p>${escapeHtml(describeMachine(results))}</p>
<p class="note">All servers and the load share the machine's cores. Medians of the rounds.</p>
${notes.join("\n")}
<h2>By number of clients</h2><div class="charts">${charts.join("\n")}</div>
<h2>Latency</h2><div class="charts">${spreads.join("\n")}</div>
<h2>Other loads</h2><div class="charts">${others.join("\n")}</div>
${[speedTable, latencyTable, memoryTable, costTable].map((table) => htmlTable(table(results))).join("\n")}
</html>
`;
}

function figure(title: string, chart: string): string {
  return `<figure><figcaption>${escapeHtml(title)}</figcaption>${chart}</figure>`;
}

function lines(
  results: Results,
  rows: readonly Row[],
  {
    title,
    unit,
    pick,
  }: { readonly title: string; readonly unit: string; readonly pick: (cell: Cell) => number },
): string {
  const series: Series[] = results.sides.flatMap(({ name }) => {
    const points = rows.flatMap(({ workload, cells }) => {
      const cell = cells.get(name);
      return cell === undefined ? [] : [{ x: workload.curve?.clients ?? 1, y: pick(cell) }];
    });
    return points.length === 0 ? [] : [{ name: titleOf(results, name), side: name, points }];
  });
  return figure(
    title,
    linesChart(series, {
      xTicks: rows.map(({ workload }) => workload.curve?.clients ?? 1),
      xLabel: String,
      unit,
    }),
  );
}

/** Percent p stands at log(1 / (1 - p)), so that the tail has room. */
function spread(results: Results, cells: Row["cells"]): string {
  const ticks = [0, 50, 90, 99, 99.9, 99.99];
  const place = (percent: number): number => 1 / (1 - Math.min(percent, 99.995) / 100);
  const series: Series[] = [...cells].map(([name, { percentiles }]) => ({
    name: titleOf(results, name),
    side: name,
    points: percentiles
      .filter(([percent]) => percent < 100)
      .map(([percent, micros]) => ({ x: place(percent), y: micros / 1000 })),
  }));
  const labels = new Map(ticks.map((percent) => [place(percent), `${percent} %`]));
  return linesChart(series, { xTicks: [...labels.keys()], xLabel: (x) => labels.get(x) ?? "", unit: "ms" });
}

function htmlTable({ title, head, rows }: Table): string {
  const cells = (tag: string, row: readonly string[]): string =>
    row.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("");
  const body = rows.map((row) => `<tr>${cells("td", row)}</tr>`).join("\n");
  return `<h2>${escapeHtml(title)}</h2><div class="scroll"><table><tr>${cells("th", head)}</tr>\n${body}</table></div>`;
}
