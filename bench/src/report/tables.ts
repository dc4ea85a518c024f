import type { SideName } from "../sides/side.js";
import { mebibytes, millis, rate, times } from "./format.js";
import { memoryOf, median, othersOf, rowsOf, titleOf } from "./summary.js";
import type { Results } from "./results.js";
import type { Cell, Row } from "./summary.js";

export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const NONE = "–";

/** Rates of each side, and raftkv's as a multiple of each other one. */
export function speedTable(results: Results): Table {
  const names = results.sides.map(({ name }) => name);
  const others = othersOf(results);
  const head = [
    "workload",
    ...names.map((name) => titleOf(results, name)),
    ...others.map((name) => `raftkv : ${name}`),
  ];
  const rows = rowsOf(results).map(({ workload, cells }) => [
    workload.title,
    ...names.map((name) => speedOf(cells.get(name))),
    ...others.map((name) => ratioOf({ workload, cells }, name)),
  ]);
  return { title: "Operations a second, medians of the rounds", head, rows };
}

function speedOf(cell: Cell | undefined): string {
  if (cell === undefined) return NONE;
  const failed = cell.errors === 0 ? "" : ` (${cell.errors} failed)`;
  const unsynced = cell.synced === false ? " NOT SYNCED" : "";
  return `${rate(cell.perSecond)}${failed}${unsynced}`;
}

/** Medians and tails of each side; that of an open loop counts from when a put was due. */
export function latencyTable(results: Results): Table {
  const names = results.sides.map(({ name }) => name);
  const head = ["workload", ...names.map((name) => titleOf(results, name))];
  const rows = rowsOf(results).map(({ workload, cells }) => [
    workload.title,
    ...names.map((name) => {
      const cell = cells.get(name);
      return cell === undefined ? NONE : `${millis(cell.p50)} / ${millis(cell.p99)}`;
    }),
  ]);
  return { title: "Latency in milliseconds, p50 / p99", head, rows };
}

function ratioOf({ cells }: Row, other: SideName): string {
  const own = cells.get("raftkv");
  const theirs = cells.get(other);
  return own === undefined || theirs === undefined || theirs.perSecond === 0
    ? NONE
    : times(own.perSecond / theirs.perSecond);
}

/** What an operation costs: CPU of the servers and of the load, bytes written, fsyncs. */
export function costTable(results: Results): Table {
  const head = [
    "workload",
    "side",
    "CPU µs, servers",
    "CPU µs, load",
    "bytes written (whole machine)",
    "fsyncs",
    "synced",
    "event-loop lag ms",
  ];
  const rows = rowsOf(results).flatMap(({ workload, cells }) =>
    [...cells].map(([name, cell]) => [
      workload.title,
      titleOf(results, name),
      cell.serverMicros.toFixed(1),
      cell.loaderMicros.toFixed(1),
      Math.round(cell.writtenBytes).toLocaleString("en-US"),
      cell.fsyncs === null ? NONE : cell.fsyncs.toFixed(3),
      cell.synced === null ? NONE : cell.synced ? "yes" : "NO",
      cell.lagMicros === null ? NONE : millis(cell.lagMicros),
    ]),
  );
  return { title: "Cost of one operation, all servers together", head, rows };
}

/** Memory of each side, and what else was measured beside it. */
export function memoryTable(results: Results): Table {
  const own = memoryOf(results, "raftkv");
  const rows = results.sides.flatMap(({ name, version }) => {
    const bytes = memoryOf(results, name);
    if (bytes === 0) return [];
    return [[titleOf(results, name), version, mebibytes(bytes), own === 0 ? NONE : times(own / bytes)]];
  });
  return {
    title: "Largest node while it took puts (VmRSS)",
    head: ["side", "version", "memory", "raftkv : side"],
    rows,
  };
}

/** From this share of the cores on, what else ran has made the figures. */
const BUSY_SHARE = 0.25;

/** The machine, what its disk gives, and whether it was quiet, in a paragraph. */
export function describeMachine({ machine, diskSyncsPerSecond, at, commit, settings }: Results): string {
  const { cores, cpu, kernel, loadBefore, memoryBytes, node } = machine;
  const disk = `fdatasync of 4 KiB: ${rate(median(diskSyncsPerSecond))} a second`;
  const short = settings["quick"] === true ? " (--quick: not for figures)" : "";
  const busy =
    loadBefore > cores * BUSY_SHARE ? " The machine was busy with other work: not for figures." : "";
  return (
    `${at.slice(0, 10)}, commit ${commit}: ${cores} × ${cpu}, ${Math.round(memoryBytes / 1024 ** 3)} GiB, Linux ${kernel}, ` +
    `Node.js ${node}, load ${loadBefore.toFixed(1)} before the run. ${disk}. ` +
    `${settings["rounds"]} rounds of ${settings["seconds"]} s${short}.${busy}`
  );
}
