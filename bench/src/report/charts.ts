import type { SideName } from "../sides/side.js";
import { escapeHtml } from "./html-text.js";

const WIDTH = 520;
const HEIGHT = 300;
const MARGIN = { left: 78, right: 26, top: 30, bottom: 28 } as const;
const COLORS: Readonly<Record<SideName, string>> = {
  raftkv: "#2f7ed8",
  etcd: "#d8642f",
  nats: "#3a9d5d",
  echo: "#8a8a8a",
};

export interface Series {
  readonly name: string;
  readonly side: SideName;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

interface Axis {
  readonly xTicks: readonly number[];
  readonly xLabel: (x: number) => string;
  readonly unit: string;
}

/** Both axes logarithmic: what grows by a factor is as far apart everywhere. */
export function linesChart(series: readonly Series[], { xTicks, xLabel, unit }: Axis): string {
  const ys = series.flatMap(({ points }) => points.map(({ y }) => y)).filter((y) => y > 0);
  if (ys.length === 0) return "";
  const low = 10 ** Math.floor(Math.log10(Math.min(...ys)));
  const high = 10 ** Math.ceil(Math.log10(Math.max(...ys) * 1.01));
  const scale = (value: number, from: number, to: number): number =>
    to === from ? 0.5 : (Math.log(value) - Math.log(from)) / (Math.log(to) - Math.log(from));
  const [first = 1] = xTicks;
  const last = xTicks.at(-1) ?? first;
  const xOf = (x: number): number =>
    MARGIN.left + scale(x, first, last) * (WIDTH - MARGIN.left - MARGIN.right);
  const yOf = (y: number): number =>
    HEIGHT - MARGIN.bottom - scale(Math.max(y, low), low, high) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const parts: string[] = [];
  for (let tick = low; tick <= high * 1.01; tick *= 10) {
    const y = yOf(tick).toFixed(1);
    parts.push(`<line class="grid" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y}" y2="${y}"/>`);
    parts.push(
      `<text x="${MARGIN.left - 6}" y="${y}" dy=".35em" text-anchor="end">${tickText(tick)} ${unit}</text>`,
    );
  }
  for (const tick of xTicks) {
    parts.push(
      `<text x="${xOf(tick).toFixed(1)}" y="${HEIGHT - 8}" text-anchor="middle">${escapeHtml(xLabel(tick))}</text>`,
    );
  }
  for (const { points, side } of series) {
    const path = points.map(({ x, y }) => `${xOf(x).toFixed(1)},${yOf(y).toFixed(1)}`);
    parts.push(
      `<polyline points="${path.join(" ")}" fill="none" stroke="${COLORS[side]}" stroke-width="2"/>`,
    );
    for (const { x, y } of points) {
      const title = `<title>${escapeHtml(`${xLabel(x)}: ${tickText(y)} ${unit}`)}</title>`;
      parts.push(
        `<circle cx="${xOf(x).toFixed(1)}" cy="${yOf(y).toFixed(1)}" r="3.5" fill="${COLORS[side]}">${title}</circle>`,
      );
    }
  }
  parts.push(...legend(series));
  return svg(HEIGHT, parts);
}

/** A bar for each side. */
export function barsChart(
  bars: readonly { readonly name: string; readonly side: SideName; readonly value: number }[],
): string {
  const row = 34;
  const most = Math.max(...bars.map(({ value }) => value), 1);
  const parts = bars.flatMap(({ name, side, value }, index) => {
    const y = 10 + index * row;
    const width = ((WIDTH - 240) * value) / most;
    return [
      `<text x="158" y="${y + 12}" dy=".35em" text-anchor="end">${escapeHtml(name)}</text>`,
      `<rect x="166" y="${y}" width="${width.toFixed(1)}" height="24" rx="2" fill="${COLORS[side]}"/>`,
      `<text x="${(172 + width).toFixed(1)}" y="${y + 12}" dy=".35em">${tickText(value)}</text>`,
    ];
  });
  return svg(bars.length * row + 20, parts);
}

function legend(series: readonly Series[]): string[] {
  let x = 8;
  return series.flatMap(({ name, side }) => {
    const at = x;
    x += 28 + name.length * 6.2;
    return [
      `<rect x="${at}" y="6" width="12" height="12" rx="2" fill="${COLORS[side]}"/>`,
      `<text x="${at + 17}" y="12" dy=".35em">${escapeHtml(name)}</text>`,
    ];
  });
}

function svg(height: number, parts: readonly string[]): string {
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img">${parts.join("")}</svg>`;
}

function tickText(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en-US");
  return Number(value.toPrecision(3)).toString();
}
