import { cpSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { NodeStatus } from "../harness/cluster.js";
import { Random } from "../power-loss/random.js";
import { until } from "../harness/until.js";
import type { ReportFault } from "../report/run-report.js";
import { ClusterUnderTest } from "./cluster-under-test.js";
import { compileShim } from "../power-loss/compile.js";
import { mountSmallFileSystem } from "../harness/small-file-system.js";
import { corrupt, replace } from "./nemeses/corrupt.js";
import { diskFull } from "./nemeses/disk-full.js";
import { powerLoss } from "./nemeses/power-loss.js";
import { playFaults } from "./faults.js";
import { nodeSettings } from "./knobs.js";
import { RunLimit, within } from "./limit.js";
import { Load } from "./load.js";
import { CHURN } from "./options.js";
import type { RunArguments } from "./options.js";
import { planFaults } from "./schedule.js";
import { WORKLOADS } from "./workloads/all.js";
import type { Stage, Workload } from "./workloads/workload.js";

/** Behind the faults: healing, the last looks and the checks. */
const AFTER_MS = { share: 0.12, min: 4_000, max: 20_000 } as const;
const LAST_LOOK_MS = 30_000;
/** Each workload must go on this soon after all is healed. */
const PROGRESS_MS_MAX = 120_000;
const PROGRESS_ANSWERS = 5;
const DISK_MIB = 512;
/** Beyond the time that it was given a run may take so much, for its start, and for all that it waits for once it is healed. */
const LATE_MS_MAX = 300_000;
/** What hangs cannot be closed either. */
const CLOSE_MS_MAX = 30_000;
/** In the directory of the run: what the nodes keep, and say. */
export const NODES = "nodes";

/** What a run gave, before it is judged. */
export interface Recorded {
  readonly dir: string;
  readonly load: Load;
  readonly workloads: readonly Workload[];
  readonly faults: readonly ReportFault[];
  /** While workloads went. */
  readonly loadedMs: number;
  readonly settings: Readonly<Record<string, string>>;
  /** What is wrong already: no progress, an end that nobody asked for, replicas that differ. */
  readonly findings: readonly string[];
  readonly hashes: Readonly<Record<string, string>>;
}

/** Where a run tells how it goes. */
export type Tell = (line: string) => void;

/** Starts a cluster and the load, lets the faults happen, heals, and looks at what is left. The cluster is gone then. */
export async function record(
  arguments_: RunArguments,
  env: NodeJS.ProcessEnv,
  tell: Tell,
): Promise<Recorded> {
  const { nodes, pauseMs, seed, timeMs } = arguments_;
  const random = new Random(seed);
  const settingsRandom = random.fork();
  const afterMs = Math.min(Math.max(timeMs * AFTER_MS.share, AFTER_MS.min), AFTER_MS.max);
  const dir = newDirectory(arguments_);
  const small = withSmallDisk(arguments_.nemeses, tell);
  const { disk } = small;
  const { nemeses, shim } = withPowerLoss(small.nemeses, dir, tell);
  const withChurn = nemeses.includes(CHURN);
  const withDamage = [corrupt, replace].some(({ name }) => nemeses.includes(name));
  const settings = nodeSettings({ withChurn, withDamage, onSmallDisk: disk !== null }, settingsRandom);
  const planned = planFaults(nemeses, timeMs - afterMs, random.fork());
  tell(`seed ${seed}, ${nodes} nodes, ${planned.length} faults planned; everything is kept in ${dir}`);
  const originMs = performance.now();
  const limit = new RunLimit(timeMs + LATE_MS_MAX);
  const starting = ClusterUnderTest.start({
    dir: join(dir, NODES),
    disk,
    nodes,
    shim,
    env: { ...settings, ...env },
  });
  const cluster = await limit
    .wait(() => "the cluster", starting)
    .catch((error: unknown) => {
      disk?.remove();
      throw error;
    });
  const workloads = WORKLOADS.filter(({ name }) => arguments_.workloads.includes(name));
  const load = new Load(() => cluster.endpoints, originMs);
  const findings: string[] = [];
  let hashes: Readonly<Record<string, string>> = {};
  let faults: ReportFault[] = [];
  const startMs = load.nowMs();
  try {
    const stage: Stage = { load, random: random.fork(), pauseMs };
    for (const workload of workloads) {
      const started = workload.start({ ...stage, random: random.fork() });
      await limit.wait(() => `${workload.name} to start`, started);
    }
    let latest = "there was none";
    const played = playFaults(planned, cluster, {
      nowMs: () => load.nowMs(),
      untilMs: timeMs - afterMs,
      onFault: (label) => {
        latest = label;
        tell(`${at(load.nowMs())} ${label}`);
      },
      signal: AbortSignal.any([load.signal, cluster.broken]),
    });
    faults = await limit.wait(() => `the end of the faults; the latest: ${latest}`, played);
    cluster.heal({ dropHeld: random.chance(0.5) });
    tell(`${at(load.nowMs())} healed`);
    await limit.wait(() => `the members: ${cluster.changes.step}`, cluster.changes.settled());
    const goesOn = progress(load, workloads, cluster.broken);
    await limit.wait(() => "every workload to go on after all is healed", goesOn);
    await limit.wait(() => "the clients' last answers", load.rest());
    // A node that ended by itself does so again: what is left is to judge what clients were told.
    if (cluster.broken.aborted) throw new Error("the cluster is not whole any more");
    for (const workload of workloads) {
      const looked = lastLook(workload, stage);
      await limit.wait(() => `the last look of ${workload.name}`, looked);
    }
    hashes = await limit.wait(() => "the replicas' hashes", compare(cluster, findings));
  } catch (error) {
    findings.push(...tellError(error as Error));
  } finally {
    findings.unshift(...cluster.findings);
    const tellIt = (error: unknown): void => void findings.push(...tellError(error as Error));
    await within(CLOSE_MS_MAX, () => "the clients to close", load.close()).catch(tellIt);
    await within(CLOSE_MS_MAX, () => "the nodes to end", cluster.close()).catch(tellIt);
    if (disk !== null) {
      // Whoever wants to know why a run failed finds the data where they would be without it.
      cluster.emptyDisk();
      cpSync(cluster.processes.dir, join(dir, NODES), { recursive: true });
      disk.remove();
    }
  }
  return { dir, load, workloads, faults, settings, findings, hashes, loadedMs: load.nowMs() - startMs };
}

/** A disk that can be full is a file system of its own; where there can be none, that nemesis is left out, with a word. */
function withSmallDisk(nemeses: readonly string[], tell: Tell) {
  if (!nemeses.includes(diskFull.name)) return { nemeses, disk: null };
  const disk = mountSmallFileSystem(DISK_MIB);
  if (typeof disk !== "string") return { nemeses, disk };
  tell(`skipped: ${diskFull.name}, ${disk}`);
  return { nemeses: nemeses.filter((name) => name !== diskFull.name), disk: null };
}

/** The disks that lose power take a library of their own; where there is none, that nemesis is left out, with a word. */
function withPowerLoss(nemeses: readonly string[], dir: string, tell: Tell) {
  if (!nemeses.includes(powerLoss.name)) return { nemeses, shim: null };
  const shim = join(dir, "power-loss.so");
  const missing = compileShim(shim);
  if (missing === null) return { nemeses, shim };
  tell(`skipped: ${powerLoss.name}, ${missing}`);
  return { nemeses: nemeses.filter((name) => name !== powerLoss.name), shim: null };
}

function newDirectory({ out, seed }: RunArguments): string {
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-");
  const dir = resolve(join(out, `${stamp}-seed-${seed}`));
  mkdirSync(dir, { recursive: true });
  return dir;
}

async function lastLook(workload: Workload, stage: Stage): Promise<void> {
  await workload.finish?.(stage, await stage.load.client({ timeoutMs: LAST_LOOK_MS }));
}

function at(ms: number): string {
  return `${(ms / 1000).toFixed(1).padStart(6)} s`;
}

async function progress(load: Load, workloads: readonly Workload[], broken: AbortSignal): Promise<void> {
  load.countFromNow();
  const stalled = (): string[] =>
    workloads.flatMap(({ name }) => (load.answeredSince(name) < PROGRESS_ANSWERS ? [name] : []));
  await until(
    "every workload goes on after all is healed",
    async () => {
      if (load.failure !== null || broken.aborted) return true;
      const names = stalled();
      if (names.length > 0) throw new Error(`still without: ${names.join(", ")}`);
      return true;
    },
    { limitMs: PROGRESS_MS_MAX },
  );
}

async function compare(
  cluster: ClusterUnderTest,
  findings: string[],
): Promise<Readonly<Record<string, string>>> {
  const statuses: readonly NodeStatus[] = await cluster.converged();
  const hashes = Object.fromEntries(
    statuses.map(({ hash, name, revision }) => [name, `revision ${revision}, hash ${hash}`]),
  );
  if (new Set(Object.values(hashes)).size !== 1)
    findings.push(`the replicas differ at one index: ${JSON.stringify(hashes)}`);
  return hashes;
}

function tellError(error: Error): string[] {
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
  return [`${error.name === "Error" ? "" : `${error.name}: `}${error.message}${cause}`];
}
