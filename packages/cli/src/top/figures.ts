import { bucketsBetween, bucketsTogether, quantile } from "./metrics-text.js";
import type { Buckets } from "./metrics-text.js";
import type { NodeSample } from "./sample.js";

/** Every number is null where it is not known: of a node that is down, and rates before there are two samples. */
export interface NodeFigures {
  readonly name: string | null;
  readonly endpoint: string;
  readonly reachable: boolean;
  /** Why it is not. */
  readonly reason: string | null;
  readonly role: string | null;
  readonly witness: boolean | null;
  readonly term: number | null;
  readonly commit: number | null;
  readonly applied: number | null;
  /** Entries that the leader has and this node has not confirmed; 0 at the leader. */
  readonly lagEntries: number | null;
  readonly writesPerSecond: number | null;
  readonly readsPerSecond: number | null;
  /** 99 of 100 syncs of the log took at most so long. */
  readonly syncP99Ms: number | null;
  readonly storeBytes: number | null;
  readonly keys: number | null;
  readonly logBytes: number | null;
  readonly memoryBytes: number | null;
  /** 100 is one processor. */
  readonly cpuPercent: number | null;
  readonly eventLoopP99Ms: number | null;
  readonly clients: number | null;
  readonly watches: number | null;
}

export interface ClusterFigures {
  readonly time: string;
  readonly clusterId: string | null;
  readonly leader: string | null;
  readonly term: number | null;
  readonly nodesReached: number;
  readonly nodesKnown: number;
  /** Requests answered in full, over all nodes. */
  readonly writesPerSecond: number | null;
  readonly readsPerSecond: number | null;
  /** Requests that ended with an error; finding the leader does not count. */
  readonly errorsPerSecond: number | null;
  readonly writeP50Ms: number | null;
  readonly writeP99Ms: number | null;
  readonly readP50Ms: number | null;
  readonly readP99Ms: number | null;
  readonly nodes: readonly NodeFigures[];
}

const WRITES = [
  "put",
  "delete",
  "txn",
  "leaseGrant",
  "leaseRevoke",
  "leaseKeepAlive",
  "compact",
  "catalogChange",
];
const READS = ["get", "range", "leaseTimeToLive", "leaseList", "catalog"];
const ANSWERS = "raftkv_client_answers_total";
const REFUSALS = "raftkv_client_refusals_total";

/** Two samples of one process: what counts in both can be told apart by time. */
interface Span {
  readonly before: NodeSample;
  readonly now: NodeSample;
  readonly seconds: number;
}

function spanOf(before: readonly NodeSample[], now: NodeSample): Span | null {
  const old = before.find(({ row }) => row.endpoint === now.row.endpoint);
  if (old === undefined || old.metrics === null || now.metrics === null) return null;
  // Another process counts from 0 again.
  if (old.row.status?.pid !== now.row.status?.pid) return null;
  const seconds = (now.atMs - old.atMs) / 1_000;
  return seconds > 0 ? { before: old, now, seconds } : null;
}

type Read = (sample: NodeSample) => number;

function perSecond(span: Span | null, read: Read): number | null {
  return span === null ? null : Math.max(0, read(span.now) - read(span.before)) / span.seconds;
}

const writesOf: Read = ({ metrics }) => metrics?.sum(ANSWERS, "operation", WRITES) ?? 0;
const readsOf: Read = ({ metrics }) => metrics?.sum(ANSWERS, "operation", READS) ?? 0;
const errorsOf: Read = ({ metrics }) => {
  const byCode = metrics?.byLabel(REFUSALS, "code") ?? new Map<string, number>();
  return [...byCode].reduce((total, [code, count]) => (code === "NOT_LEADER" ? total : total + count), 0);
};
const cpuOf: Read = ({ metrics }) => metrics?.value("process_cpu_seconds_total") ?? 0;

function bucketsOf(span: Span | null, name: string): Buckets {
  const now = span?.now.metrics?.buckets(name);
  const before = span?.before.metrics?.buckets(name);
  return now === undefined || before === undefined ? { bounds: [], counts: [] } : bucketsBetween(before, now);
}

function inMs(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1_000;
}

/** As the leader has it, since it knows of those too that are down. */
function lagsOf(leader: NodeSample | undefined): ReadonlyMap<string, number> {
  const lags = new Map(leader?.metrics?.byLabel("raftkv_follower_lag_entries", "follower") ?? []);
  const name = leader?.row.name ?? null;
  if (name !== null) lags.set(name, 0);
  return lags;
}

function nodeFigures(sample: NodeSample, span: Span | null, lags: ReadonlyMap<string, number>): NodeFigures {
  const { metrics, row } = sample;
  const { endpoint, name, reachable, reason, status } = row;
  const value = (metric: string): number | null => metrics?.value(metric) ?? null;
  const latest = value("raftkv_store_latest_bytes");
  const history = value("raftkv_store_history_bytes");
  const cpu = perSecond(span, cpuOf);
  return {
    name,
    endpoint,
    reachable,
    reason,
    role: status?.role ?? null,
    witness: status?.witness ?? null,
    term: status?.term ?? null,
    commit: status?.commitIndex ?? null,
    applied: status?.appliedIndex ?? null,
    lagEntries: lags.get(name ?? "") ?? null,
    writesPerSecond: perSecond(span, writesOf),
    readsPerSecond: perSecond(span, readsOf),
    syncP99Ms: inMs(quantile(bucketsOf(span, "raftkv_wal_sync_seconds"), 0.99)),
    storeBytes: latest === null || history === null ? null : latest + history,
    keys: value("raftkv_store_keys"),
    logBytes: value("raftkv_wal_bytes"),
    memoryBytes: value("process_resident_memory_bytes"),
    cpuPercent: cpu === null ? null : cpu * 100,
    eventLoopP99Ms: inMs(value("nodejs_eventloop_lag_p99_seconds")),
    clients: value("raftkv_client_connections"),
    watches: value("raftkv_watches"),
  };
}

/** Null when it is known of none. */
function together(parts: readonly (number | null)[]): number | null {
  const known = parts.filter((part) => part !== null);
  return known.length === 0 ? null : known.reduce((total, part) => total + part, 0);
}

/** @param before the sample that rates are over; empty for none. */
export function figuresOf(before: readonly NodeSample[], now: readonly NodeSample[]): ClusterFigures {
  const spans = now.map((sample) => spanOf(before, sample));
  // Of two that think so, the one of the later term.
  const [leader] = now
    .filter(({ row }) => row.status?.role === "leader")
    .sort((a, b) => (b.row.status?.term ?? 0) - (a.row.status?.term ?? 0));
  const lags = lagsOf(leader);
  const latency = (name: string, share: number): number | null =>
    inMs(quantile(bucketsTogether(spans.map((span) => bucketsOf(span, name))), share));
  const terms = now.flatMap(({ row }) => row.status?.term ?? []);
  return {
    time: new Date().toISOString(),
    clusterId: now.map(({ row }) => row.status?.clusterId ?? null).find((id) => id !== null) ?? null,
    leader: leader?.row.name ?? null,
    term: terms.length === 0 ? null : Math.max(...terms),
    nodesReached: now.filter(({ row }) => row.reachable).length,
    nodesKnown: now.length,
    writesPerSecond: together(spans.map((span) => perSecond(span, writesOf))),
    readsPerSecond: together(spans.map((span) => perSecond(span, readsOf))),
    errorsPerSecond: together(spans.map((span) => perSecond(span, errorsOf))),
    writeP50Ms: latency("raftkv_write_seconds", 0.5),
    writeP99Ms: latency("raftkv_write_seconds", 0.99),
    readP50Ms: latency("raftkv_read_seconds", 0.5),
    readP99Ms: latency("raftkv_read_seconds", 0.99),
    nodes: now.map((sample, at) => nodeFigures(sample, spans[at] ?? null, lags)),
  };
}
