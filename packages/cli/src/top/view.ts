import type { ClusterFigures, NodeFigures } from "./figures.js";

const UNKNOWN = "-";
const KIB = 1_024;

function shownCount(value: number | null): string {
  return value === null ? UNKNOWN : Math.round(value).toLocaleString("en-US");
}

/** Three digits at most, which is what a person reads at a glance. */
function shownMs(value: number | null): string {
  if (value === null) return UNKNOWN;
  if (value >= 10_000) return `${Math.round(value / 1_000)} s`;
  if (value >= 1_000) return `${(value / 1_000).toFixed(1)} s`;
  return `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`;
}

function shownBytes(value: number | null): string {
  if (value === null) return UNKNOWN;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let left = value;
  let unit = 0;
  while (left >= 1_000 && unit < units.length - 1) {
    left /= KIB;
    unit += 1;
  }
  return `${unit === 0 || left >= 100 ? Math.round(left) : left.toFixed(1)} ${units[unit]}`;
}

function shownPercent(value: number | null): string {
  return value === null ? UNKNOWN : `${Math.round(value)}%`;
}

function shownRole({ reachable, role, witness }: NodeFigures): string {
  if (!reachable) return "DOWN";
  return `${role ?? UNKNOWN}${witness === true ? " (w)" : ""}`;
}

interface Column {
  readonly head: string;
  readonly isText?: boolean;
  readonly cell: (node: NodeFigures) => string;
}

/** In the order of their worth: a terminal that is too narrow shows the first ones. */
const COLUMNS: readonly Column[] = [
  { head: "node", isText: true, cell: ({ name }) => name ?? UNKNOWN },
  { head: "role", isText: true, cell: shownRole },
  { head: "term", cell: ({ term }) => term?.toString() ?? UNKNOWN },
  { head: "lag", cell: ({ lagEntries }) => shownCount(lagEntries) },
  { head: "writes/s", cell: ({ writesPerSecond }) => shownCount(writesPerSecond) },
  { head: "reads/s", cell: ({ readsPerSecond }) => shownCount(readsPerSecond) },
  { head: "fsync p99", cell: ({ syncP99Ms }) => shownMs(syncP99Ms) },
  { head: "store", cell: ({ storeBytes }) => shownBytes(storeBytes) },
  { head: "log", cell: ({ logBytes }) => shownBytes(logBytes) },
  { head: "mem", cell: ({ memoryBytes }) => shownBytes(memoryBytes) },
  { head: "cpu", cell: ({ cpuPercent }) => shownPercent(cpuPercent) },
  { head: "applied", cell: ({ applied }) => applied?.toString() ?? UNKNOWN },
  { head: "keys", cell: ({ keys }) => shownCount(keys) },
  { head: "clients", cell: ({ clients }) => shownCount(clients) },
  { head: "watches", cell: ({ watches }) => shownCount(watches) },
  { head: "loop p99", cell: ({ eventLoopP99Ms }) => shownMs(eventLoopP99Ms) },
  { head: "client address", isText: true, cell: ({ endpoint }) => endpoint },
];
const GAP = "  ";

function table(nodes: readonly NodeFigures[], width: number): readonly string[] {
  const lines = [""].concat(nodes.map(() => ""));
  for (const [at, { cell, head, isText }] of COLUMNS.entries()) {
    const texts = [head.toUpperCase(), ...nodes.map(cell)];
    const wide = Math.max(...texts.map((text) => text.length));
    const gap = at === 0 ? "" : GAP;
    if ((lines[0]?.length ?? 0) + gap.length + wide > width) break;
    for (const [row, text] of texts.entries())
      lines[row] += gap + (isText === true ? text.padEnd(wide) : text.padStart(wide));
  }
  return lines;
}

function latency(p50: number | null, p99: number | null): string {
  return p50 === null ? "" : ` (p50 ${shownMs(p50)}, p99 ${shownMs(p99)})`;
}

/** What is shown of the cluster, without the table. */
function summary(figures: ClusterFigures): readonly string[] {
  const { clusterId, errorsPerSecond, leader, nodesKnown, nodesReached, term } = figures;
  const who = leader === null ? "no leader" : `leader ${leader}`;
  const writes = `writes/s ${shownCount(figures.writesPerSecond)}${latency(figures.writeP50Ms, figures.writeP99Ms)}`;
  const reads = `reads/s ${shownCount(figures.readsPerSecond)}${latency(figures.readP50Ms, figures.readP99Ms)}`;
  return [
    `cluster ${clusterId?.slice(0, 8) ?? "not formed"}, ${who} in term ${term ?? UNKNOWN}, ${nodesReached} of ${nodesKnown} nodes up`,
    writes,
    `${reads}, errors/s ${shownCount(errorsPerSecond)}`,
  ];
}

export interface ViewSize {
  readonly columns: number;
  readonly rows: number;
}

/** As many lines as there is room for, none wider than the screen; the nodes before the reasons. */
export function viewLines(figures: ClusterFigures, { columns, rows }: ViewSize): readonly string[] {
  const down = figures.nodes.filter(({ reachable }) => !reachable);
  const reasons = down.map(
    ({ endpoint, name, reason }) => `${name ?? endpoint} is down: ${reason ?? "unknown"}`,
  );
  const lines = [...summary(figures), "", ...table(figures.nodes, columns)];
  if (reasons.length > 0) lines.push("", ...reasons);
  return lines.slice(0, rows).map((line) => line.trimEnd().slice(0, columns));
}

const REVERSE = "\u001b[7m";
const BOLD = "\u001b[1m";
const PLAIN = "\u001b[0m";

/** What stands out on a terminal: the head of the table, and who is down. */
export function emphasized(line: string, columns: number): string {
  if (line.startsWith("NODE ")) return `${REVERSE}${line.padEnd(columns)}${PLAIN}`;
  return / DOWN | is down: |no leader/.test(line) ? `${BOLD}${line}${PLAIN}` : line;
}
