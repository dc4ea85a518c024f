import type { ReportOperation, RunReport } from "./run-report.js";
import { WIDTH, RIGHT, escapeHtml, picture, px, timeText } from "./svg.js";
import type { TimeAxis } from "./svg.js";

const LANE = 20;
const BAR = 14;
/** With more operations each is a piece of a path, without a name of its own. */
const NAMED_MAX = 3_000;
/** What has no end fades out over this length. */
const OPEN_LENGTH = 90;
const CHARACTER = 6.1;

/** A lane for each process, a bar for each operation. */
export function drawTimeline(report: RunReport, axis: TimeAxis): string {
  const { faults, history } = report;
  const { lanes, names } = lanesOf(history);
  const height = Math.max(names.length, 1) * LANE + 4;
  const labels = names.map(
    (name, lane) =>
      `<text class="lane" x="58" y="${lane * LANE + 14}" text-anchor="end">${escapeHtml(name)}</text>`,
  );
  const bars =
    history.length <= NAMED_MAX ? namedBars(history, lanes, axis) : plainBars(history, lanes, axis);
  const fade =
    '<defs><linearGradient id="open"><stop offset="0" stop-color="#e0a030"/><stop offset="1" stop-color="#e0a030" stop-opacity="0.05"/></linearGradient></defs>';
  return picture({ axis, faults, height }, fade + labels.join("") + bars);
}

/**
 * A process whose operation stayed open often goes on under another number. So a lane is given on when its process has done
 * its last.
 */
function lanesOf(history: readonly ReportOperation[]): { lanes: Map<number, number>; names: string[] } {
  const spans = new Map<number, { from: number; to: number }>();
  for (const { end, process, start } of history) {
    const span = spans.get(process);
    const to = end ?? start;
    if (span === undefined) spans.set(process, { from: start, to });
    else spans.set(process, { from: Math.min(span.from, start), to: Math.max(span.to, to) });
  }
  const lanes = new Map<number, number>();
  const freeFrom: number[] = [];
  const holders: number[][] = [];
  const isFew = spans.size <= 24;
  const byNumber = (a: number, b: number): number => a - b;
  const order = isFew
    ? [...spans.keys()].sort(byNumber)
    : [...spans.keys()].sort((a, b) => (spans.get(a)?.from ?? 0) - (spans.get(b)?.from ?? 0));
  for (const process of order) {
    const span = spans.get(process) as { from: number; to: number };
    const free = isFew ? -1 : freeFrom.findIndex((time) => time < span.from);
    const lane = free < 0 ? freeFrom.length : free;
    lanes.set(process, lane);
    freeFrom[lane] = span.to;
    (holders[lane] ??= []).push(process);
  }
  const names = holders.map((held) => (held.length === 1 ? `${held[0]}` : `${held[0]} +${held.length - 1}`));
  return { lanes, names };
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

function boxOf(
  { end, process, start }: ReportOperation,
  lanes: ReadonlyMap<number, number>,
  axis: TimeAxis,
): Box {
  const x = axis.x(start);
  const open = Math.min(x + OPEN_LENGTH, WIDTH - RIGHT);
  const to = end === null ? open : axis.x(end);
  return { x, y: (lanes.get(process) ?? 0) * LANE + 3, width: Math.max(to - x, 1.5) };
}

function namedBars(
  history: readonly ReportOperation[],
  lanes: ReadonlyMap<number, number>,
  axis: TimeAxis,
): string {
  return history
    .map((operation) => {
      const { label, outcome, process, start, end, key } = operation;
      const { width, x, y } = boxOf(operation, lanes, axis);
      const when = `${timeText(start, axis)} to ${end === null ? "?" : timeText(end, axis)}`;
      const title = `process ${process}${key === "" ? "" : `, key ${key}`}: ${label} (${when})`;
      const shape = `<rect class="op ${outcome}${operation.isOffending ? " offending" : ""}" x="${px(x)}" y="${y}" width="${px(width)}" height="${BAR}" rx="2"/>`;
      const room = Math.floor((width - 6) / CHARACTER);
      const text = label.length <= room ? label : room >= 4 ? `${label.slice(0, room - 1)}…` : "";
      const name =
        text === "" ? "" : `<text class="label" x="${px(x + 3)}" y="${y + 10.5}">${escapeHtml(text)}</text>`;
      return `<g><title>${escapeHtml(title)}</title>${shape}${name}</g>`;
    })
    .join("");
}

function plainBars(
  history: readonly ReportOperation[],
  lanes: ReadonlyMap<number, number>,
  axis: TimeAxis,
): string {
  const paths = new Map<string, string[]>();
  for (const operation of history) {
    const name = operation.isOffending ? "offending" : operation.outcome;
    const { width, x, y } = boxOf(operation, lanes, axis);
    const pieces = paths.get(name) ?? [];
    paths.set(name, pieces);
    const length = operation.outcome === "unknown" ? Math.min(width, 6) : width;
    pieces.push(`M${px(x)} ${y}h${px(length)}v${BAR}h-${px(length)}z`);
  }
  return ["ok", "fail", "unknown", "offending"]
    .map((name) => [name, paths.get(name)] as const)
    .map(([name, pieces]) =>
      pieces === undefined ? "" : `<path class="bulk ${name}" d="${pieces.join("")}"/>`,
    )
    .join("");
}
