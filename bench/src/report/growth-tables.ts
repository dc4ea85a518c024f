import type { SideName } from "../sides/side.js";
import { mebibytes, millis, rate } from "./format.js";
import type { Machine } from "./results.js";
import { median } from "./summary.js";
import type { Table } from "./tables.js";

/** Puts on a cluster of some size. Latency in microseconds, CPU of all servers. */
export interface GrowthPoint {
  readonly side: SideName;
  readonly nodes: number;
  readonly keys: number;
  readonly perSecond: number;
  readonly p99: number;
  readonly serverMicros: number;
  /** Of the largest node. */
  readonly residentBytes: number;
  /** Of all nodes. */
  readonly diskBytes: number;
}

/** From the start of the process to its first answer to a linearizable read. */
export interface RestartPoint {
  readonly side: SideName;
  readonly keys: number;
  readonly role: "leader" | "follower";
  readonly seconds: number;
}

export interface LongSample {
  readonly minute: number;
  readonly perSecond: number;
  readonly p99: number;
  readonly residentBytes: number;
  readonly diskBytes: number;
  /** The longest that any node's event loop was late. */
  readonly lagMicros: number;
  readonly errors: number;
}

/** `growth.json`. */
export interface GrowthResults {
  readonly at: string;
  readonly commit: string;
  readonly machine: Machine;
  readonly clients: number;
  readonly keys: readonly GrowthPoint[];
  readonly nodes: readonly GrowthPoint[];
  readonly restarts: readonly RestartPoint[];
  /** Null: there was no long run. */
  readonly long: {
    readonly limit: number;
    readonly rate: number;
    readonly samples: readonly LongSample[];
  } | null;
}

/** Only those that have rows. */
export function growthTables(results: GrowthResults): Table[] {
  const tables = [
    pointsTable("As keys come", results.keys),
    pointsTable("As nodes come", results.nodes),
    restartTable(results.restarts),
    longTable(results.long),
  ];
  return tables.filter(({ rows }) => rows.length > 0);
}

function pointsTable(title: string, points: readonly GrowthPoint[]): Table {
  return {
    title: `${title}: puts by closed-loop clients`,
    head: [
      "side",
      "nodes",
      "keys",
      "puts/s",
      "p99 ms",
      "CPU µs a put, servers",
      "largest node",
      "on disk, all nodes",
    ],
    rows: points.map((point) => [
      point.side,
      String(point.nodes),
      point.keys.toLocaleString("en-US"),
      rate(point.perSecond),
      millis(point.p99),
      point.serverMicros.toFixed(1),
      mebibytes(point.residentBytes),
      mebibytes(point.diskBytes),
    ]),
  };
}

function restartTable(points: readonly RestartPoint[]): Table {
  const groups = new Map<string, RestartPoint[]>();
  for (const point of points) {
    const key = `${point.keys} ${point.role} ${point.side}`;
    groups.set(key, [...(groups.get(key) ?? []), point]);
  }
  return {
    title: "kill -9, start, first linearizable read from that node, in seconds",
    head: ["side", "keys", "it was", "times", "median", "least", "most"],
    rows: [...groups.values()].map((group) => {
      const [{ keys, role, side }] = group as [RestartPoint];
      const seconds = group.map((point) => point.seconds);
      const figures = [median(seconds), Math.min(...seconds), Math.max(...seconds)].map((each) =>
        each.toFixed(2),
      );
      return [side, keys.toLocaleString("en-US"), role, String(group.length), ...figures];
    }),
  };
}

/** The first, the second, … tenth of the time. */
function longTable(long: GrowthResults["long"]): Table {
  const samples = long?.samples ?? [];
  const parts = Math.min(10, samples.length);
  const rows = Array.from({ length: parts }, (_, index) => {
    const from = Math.floor((index * samples.length) / parts);
    const part = samples.slice(from, Math.floor(((index + 1) * samples.length) / parts));
    const most = (of: (sample: LongSample) => number): number => Math.max(...part.map(of));
    return [
      (part[0] as LongSample).minute.toFixed(1),
      rate(median(part.map(({ perSecond }) => perSecond))),
      millis(median(part.map(({ p99 }) => p99))),
      millis(most(({ p99 }) => p99)),
      mebibytes(most(({ residentBytes }) => residentBytes)),
      mebibytes(most(({ diskBytes }) => diskBytes)),
      millis(most(({ lagMicros }) => lagMicros)),
      String(part.reduce((sum, { errors }) => sum + errors, 0)),
    ];
  });
  const head = [
    "from minute",
    "puts/s",
    "p99 ms",
    "worst p99 ms",
    "largest node",
    "on disk, all nodes",
    "event-loop lag ms",
    "failed",
  ];
  const at = long === null ? "" : ` (open loop at ${rate(long.rate)} of ${rate(long.limit)} puts/s)`;
  return { title: `raftkv at 70 % of its limit${at}`, head, rows };
}
