import type { ReportOperation, RunReport } from "./run-report.js";
import { LEFT, WIDTH, RIGHT, picture, px } from "./svg.js";
import type { TimeAxis } from "./svg.js";

const HEIGHT = 150;
const BUCKETS = 140;

interface Bucket {
  readonly middle: number;
  /** Milliseconds, ascending, of those that ended here with an answer. */
  readonly latencies: readonly number[];
  readonly unknown: number;
}

/** Latencies over time, on a logarithmic scale: median, the 99th of a hundred, and the longest. */
export function drawLatency(report: RunReport, axis: TimeAxis): string {
  const buckets = bucketsOf(report.history, axis);
  const all = buckets.flatMap(({ latencies }) => latencies);
  const top = 10 ** Math.ceil(Math.log10(Math.max(...maxima(all), 1)) + 1e-9);
  const low = 0.1;
  const y = (ms: number): number => {
    const share = Math.log10(Math.max(ms, low) / low) / Math.log10(top / low);
    return HEIGHT - share * (HEIGHT - 8);
  };
  const grid: string[] = [];
  for (let ms = low; ms <= top; ms *= 10)
    grid.push(scaleLine(y(ms), ms >= 1000 ? `${ms / 1000} s` : `${Number(ms.toFixed(1))} ms`));
  const lines = [
    ["p50", 0.5],
    ["p99", 0.99],
    ["longest", 1],
  ] as const;
  const drawn = lines.map(([name, share]) => {
    const points = buckets.map(({ latencies, middle }) =>
      latencies.length === 0 ? null : ([axis.x(middle), y(quantile(latencies, share))] as const),
    );
    return `<path class="line ${name}" d="${pathOf(points)}"/>`;
  });
  return picture({ axis, faults: report.faults, height: HEIGHT }, grid.join("") + drawn.join(""));
}

/** Operations a second over time: those that were answered, and those of unknown outcome. */
export function drawThroughput(report: RunReport, axis: TimeAxis): string {
  const buckets = bucketsOf(report.history, axis);
  const seconds = (axis.to - axis.from) / BUCKETS / 1000;
  const rates = buckets.map(({ latencies, middle, unknown }) => ({
    middle,
    answered: latencies.length / seconds,
    unknown: unknown / seconds,
  }));
  const top = niceTop(Math.max(...rates.map(({ answered, unknown }) => Math.max(answered, unknown)), 1));
  const y = (rate: number): number => HEIGHT - (rate / top) * (HEIGHT - 8);
  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) =>
    scaleLine(y(top * share), String(Math.round(top * share))),
  );
  const line = (name: "answered" | "unknown"): string =>
    `<path class="line ${name}" d="${pathOf(rates.map((rate) => [axis.x(rate.middle), y(rate[name])] as const))}"/>`;
  return picture(
    { axis, faults: report.faults, height: HEIGHT },
    grid.join("") + line("answered") + line("unknown"),
  );
}

function bucketsOf(history: readonly ReportOperation[], axis: TimeAxis): Bucket[] {
  const width = (axis.to - axis.from) / BUCKETS;
  const latencies: number[][] = Array.from({ length: BUCKETS }, () => []);
  const unknown = Array.from({ length: BUCKETS }, () => 0);
  const at = (time: number): number => Math.min(Math.floor((time - axis.from) / width), BUCKETS - 1);
  for (const { end, outcome, start } of history) {
    if (outcome === "unknown") unknown[at(start)] = (unknown[at(start)] ?? 0) + 1;
    else if (end !== null) latencies[at(end)]?.push(end - start);
  }
  return latencies.map((list, index) => ({
    middle: axis.from + (index + 0.5) * width,
    latencies: list.sort((a, b) => a - b),
    unknown: unknown[index] ?? 0,
  }));
}

/** At most one number: a spread of a hundred thousand arguments is too much for a call. */
function maxima(numbers: readonly number[]): number[] {
  let most: number | null = null;
  for (const number of numbers) if (most === null || number > most) most = number;
  return most === null ? [] : [most];
}

/** `sorted`: ascending, not empty. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(Math.ceil(share * sorted.length) - 1, 0)] as number;
}

function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 4, 5, 10].find((factor) => factor * power >= value) ?? 10) * power;
}

function scaleLine(y: number, text: string): string {
  return `<line class="grid" x1="${LEFT}" y1="${px(y)}" x2="${WIDTH - RIGHT}" y2="${px(y)}"/><text class="tick" x="58" y="${px(y + 4)}" text-anchor="end">${text}</text>`;
}

/** Broken where there is nothing: a gap is a stall, and must not look like a slope. */
function pathOf(points: readonly (readonly [number, number] | null)[]): string {
  let path = "";
  let isOpen = false;
  for (const point of points) {
    if (point !== null) path += `${isOpen ? "L" : "M"}${px(point[0])} ${px(point[1])}${isOpen ? "" : "h0.1"}`;
    isOpen = point !== null;
  }
  return path;
}
