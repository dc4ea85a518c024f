import type { ReportFault, RunReport } from "./run-report.js";

export const WIDTH = 1120;
/** Room for names on the left of every picture, so that all of them share one axis of time. */
export const LEFT = 64;
export const RIGHT = 16;

/** A place on the axis of time that all pictures of a page share. */
export interface TimeAxis {
  readonly from: number;
  readonly to: number;
  readonly unit: RunReport["unit"];
  x(time: number): number;
}

export function timeAxis({ faults, history, unit }: RunReport): TimeAxis {
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (const { end, start } of [...history, ...faults]) {
    from = Math.min(from, start);
    to = Math.max(to, end ?? start);
  }
  if (from > to) [from, to] = [0, 1];
  // What has no end is drawn to the right edge: that must lie behind the last thing that happened.
  const margin = (to - from) * 0.03 || 1;
  to += margin;
  const scale = (WIDTH - LEFT - RIGHT) / (to - from);
  return { from, to, unit, x: (time) => LEFT + (Math.min(time, to) - from) * scale };
}

export function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** Numbers of pixels: more than a tenth nobody sees, and pages get long. */
export function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

const FAULT_COLOURS = [
  "#7b61c9",
  "#c2528b",
  "#2f86c8",
  "#b26b1f",
  "#3c9a92",
  "#8a8f2a",
  "#c25b4a",
  "#5b6b8c",
];

/** One colour for each kind of fault, in the order in which they come. */
export function faultColours(faults: readonly ReportFault[]): ReadonlyMap<string, string> {
  const kinds = [...new Set(faults.map(({ kind }) => kind))];
  return new Map(kinds.map((kind, at) => [kind, FAULT_COLOURS[at % FAULT_COLOURS.length] as string]));
}

/** The faults as bands from top to bottom. */
export function faultBands(faults: readonly ReportFault[], axis: TimeAxis, height: number): string {
  const colours = faultColours(faults);
  return faults
    .map(({ end, kind, label, start }) => {
      const from = axis.x(start);
      const width = Math.max(axis.x(end ?? axis.to) - from, 1.5);
      const title = `${label}, ${timeText(start, axis)} to ${end === null ? "the end" : timeText(end, axis)}`;
      return `<rect class="fault" x="${px(from)}" y="0" width="${px(width)}" height="${px(height)}" fill="${colours.get(kind)}"><title>${escapeHtml(title)}</title></rect>`;
    })
    .join("");
}

export function timeText(time: number, { from, unit }: TimeAxis): string {
  return unit === "position" ? String(time) : `${((time - from) / 1000).toFixed(2)} s`;
}

const TICKS = 8;

/** The axis itself, below a picture of this height. */
export function timeTicks(axis: TimeAxis, height: number): string {
  const step = niceStep((axis.to - axis.from) / TICKS, axis.unit);
  const origin = axis.unit === "ms" ? axis.from : 0;
  const marks: string[] = [];
  for (let at = Math.ceil((axis.from - origin) / step); origin + at * step <= axis.to; at += 1) {
    const x = px(axis.x(origin + at * step));
    const text = axis.unit === "ms" ? `${Number(((at * step) / 1000).toFixed(3))} s` : String(at * step);
    marks.push(
      `<line class="grid" x1="${x}" y1="0" x2="${x}" y2="${px(height)}"/><text class="tick" x="${x}" y="${px(height + 14)}" text-anchor="middle">${text}</text>`,
    );
  }
  return marks.join("");
}

function niceStep(least: number, unit: RunReport["unit"]): number {
  let step = 10 ** Math.floor(Math.log10(least));
  for (const factor of [1, 2, 5, 10]) {
    if (step * factor < least) continue;
    step *= factor;
    break;
  }
  return unit === "position" ? Math.max(1, step) : step;
}

/** A picture with the bands of the faults behind it and the axis below. `body` is SVG within `height`. */
export function picture(
  { axis, faults, height }: { axis: TimeAxis; faults: readonly ReportFault[]; height: number },
  body: string,
): string {
  const bands = faultBands(faults, axis, height);
  return `<svg viewBox="0 0 ${WIDTH} ${Math.ceil(height + 20)}" role="img">${timeTicks(axis, height)}${bands}${body}</svg>`;
}
