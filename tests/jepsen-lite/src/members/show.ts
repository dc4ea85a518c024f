import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Operation } from "@raftkv/checker";
import { RaftKvError, connect } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import { Random } from "../power-loss/random.js";
import { Load } from "../run/load.js";
import { WORKLOADS } from "../run/workloads/all.js";
import type { Stage, Workload } from "../run/workloads/workload.js";
import { LiveProcesses } from "./live-processes.js";

/** The clients' deadline: what is planned must not come near it. */
const CLIENT_TIMEOUT_MS = 10_000;

export interface ShowOptions {
  readonly seed: number;
  /** Pauses of a process between two operations, milliseconds at most. */
  readonly pauseMs: number;
  readonly workloads: readonly string[];
  /** Longest wait of a request that is allowed; null: none is judged. */
  readonly stallMsMax: number | null;
  readonly env: NodeJS.ProcessEnv;
  readonly tell: (line: string) => void;
}

/** What an operator has at hand while the load goes on. */
export interface Scene {
  readonly nodes: LiveProcesses;
  readonly operator: Client;
  readonly random: Random;
  /** A line of progress, with the time, and what the clients saw so far. */
  readonly step: (what: string) => void;
  /** Lets the load go on as it is. */
  readonly rest: (ms: number) => Promise<void>;
}

export interface ShowVerdict {
  readonly ok: boolean;
  readonly operations: number;
  /** The longest that a request took, milliseconds. */
  readonly longestMs: number;
  readonly findings: readonly string[];
}

/**
 * Runs `play` while checked workloads go on, whose clients were told of the first nodes alone. No request may fail, none may
 * take longer than allowed, every history must be what was promised, and all replicas must hold the same at the end.
 */
export async function show(
  first: readonly string[],
  play: (scene: Scene) => Promise<void>,
  options: ShowOptions,
): Promise<ShowVerdict> {
  const { env, pauseMs, seed, tell } = options;
  const random = new Random(seed);
  const nodes = new LiveProcesses(env);
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const findings: string[] = [];
  let load: Load | null = null;
  let operator: Client | null = null;
  const workloads = WORKLOADS.filter(({ name }) => options.workloads.includes(name));
  try {
    await nodes.begin(first);
    const endpoints = first.map((name) => nodes.endpoint(name));
    load = new Load(() => endpoints, performance.now(), CLIENT_TIMEOUT_MS);
    operator = await connect({ endpoints, timeoutMs: 60_000 });
    const stage: Stage = { load, random: random.fork(), pauseMs };
    for (const workload of workloads) await workload.start({ ...stage, random: random.fork() });
    await play(sceneOf({ nodes, operator, random: random.fork() }, load, tell));
    await load.rest();
    // Whoever comes now needs to be told of a member that is there.
    const last = await load.client({ endpoints: nodes.running.map((name) => nodes.endpoint(name)) });
    for (const workload of workloads) await workload.finish?.(stage, last);
    const statuses = await nodes.converged();
    const hashes = new Set(statuses.map(({ stateHash }) => stateHash));
    tell(
      `${statuses.map(({ name }) => name).join(", ")} at index ${statuses[0]?.appliedIndex}: ${hashes.size} state`,
    );
    if (hashes.size !== 1) findings.push("the replicas differ at one index");
  } catch (error) {
    findings.push(textOf(error as Error));
  } finally {
    await operator?.close();
    await load?.close().catch((error: unknown) => findings.push(textOf(error as Error)));
    await nodes.close();
  }
  delay.disable();
  const delayMs = Math.round(delay.max / 1e6);
  return load === null
    ? { ok: false, operations: 0, longestMs: 0, findings }
    : judged(load, workloads, findings, { ...options, delayMs });
}

function sceneOf(
  parts: Pick<Scene, "nodes" | "operator" | "random">,
  load: Load,
  tell: (line: string) => void,
): Scene {
  return {
    ...parts,
    step(what) {
      const { answered, failed, longestMs } = seen(load);
      const at = (load.nowMs() / 1000).toFixed(1).padStart(6);
      tell(`${at} s  ${what.padEnd(34)} ${answered} answered, ${failed} failed, longest ${longestMs} ms`);
    },
    async rest(ms) {
      await new Promise((resolve) => setTimeout(resolve, ms));
      if (load.failure !== null) throw load.failure;
    },
  };
}

const SLOWEST = 3;
/** One operation of these is more than one request: how long it takes says nothing. */
const LONG = new Set<Operation["op"]>(["watch", "txn"]);

/** A request that is under way has waited until now. */
function seen(load: Load): { answered: number; failed: number; longestMs: number } {
  const history = load.history();
  let answered = 0;
  let longestMs = 0;
  for (const [id, { endMs, startMs }] of load.spans.entries()) {
    if (endMs !== null) answered += 1;
    if (LONG.has(history[id]?.op ?? "watch")) continue;
    longestMs = Math.max(longestMs, (endMs ?? load.nowMs()) - startMs);
  }
  const failed = [...load.errors.values()].reduce((sum, count) => sum + count, 0);
  return { answered: answered - failed, failed, longestMs: Math.round(longestMs) };
}

function judged(
  load: Load,
  workloads: readonly Workload[],
  before: readonly string[],
  { delayMs, stallMsMax, tell }: ShowOptions & { readonly delayMs: number },
): ShowVerdict {
  const findings = [...before];
  for (const workload of workloads) {
    const { name } = workload;
    const { explanation, ok, summary } = workload.judge(load.historyOf(name));
    tell(`${name.padEnd(10)} ${ok === true ? "ok " : "BAD"} ${summary}`);
    if (ok !== true) findings.push(`${name}: ${explanation.split("\n")[0]}`);
  }
  for (const [code, count] of load.errors) findings.push(`${count} requests failed with ${code}`);
  const { longestMs } = seen(load);
  tell(`this process itself waited up to ${delayMs} ms for the processor`);
  for (const line of slowest(load)) tell(line);
  if (stallMsMax !== null && longestMs > stallMsMax)
    findings.push(
      `a request took ${longestMs} ms, and ${stallMsMax} are allowed` +
        (delayMs * 2 > stallMsMax ? ", on a machine that is too busy to show it" : ""),
    );
  return { ok: findings.length === 0, operations: load.spans.length, longestMs, findings };
}

/** Where to look when something took too long. */
function slowest(load: Load): string[] {
  const history = load.history();
  return load.spans
    .map(({ endMs, startMs }, id) => ({
      ms: (endMs ?? load.nowMs()) - startMs,
      startMs,
      operation: history[id],
    }))
    .filter(({ operation }) => operation !== undefined && !LONG.has(operation.op))
    .sort((a, b) => b.ms - a.ms)
    .slice(0, SLOWEST)
    .map(({ ms, operation, startMs }) => {
      const { key, op, process } = operation as Operation;
      return `slow: ${Math.round(ms)} ms, ${op} of ${key} by process ${process}, asked at ${(startMs / 1000).toFixed(2)} s`;
    });
}

function textOf(error: Error): string {
  const code = error instanceof RaftKvError ? ` (${error.code})` : "";
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `${error.message}${code}${cause}`;
}
