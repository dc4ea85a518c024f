import { setTimeout as sleep } from "node:timers/promises";
import { nodeLogPath, readIfSound } from "./directory.js";
import type { ClusterNode } from "./directory.js";
import { isListening } from "./probe.js";
import { isRunning } from "./running.js";
import { describeEnding } from "./spawn.js";
import type { StartedNode } from "./spawn.js";
import type { StartedCluster } from "./start.js";

const LOOK_EVERY_MS = 300;
const LISTEN_TIMEOUT_MS = 500;

/**
 * Why watching ended: a signal; `raftkv cluster stop` from elsewhere; or `lost`: the cluster's file is gone or damaged,
 * so nobody else can find the nodes any more. `nodes` are the nodes as they were known last.
 */
export interface WatchEnd {
  readonly why: "signal" | "stopped" | "lost";
  readonly nodes: readonly ClusterNode[];
}

/**
 * Watches the nodes of a cluster and tells of each that goes or comes back. Starts nothing: nobody restarts a killed
 * node but `start-node`. Goes on when all are gone, since they may come back, until `signal` aborts. `known` are those
 * that were told of as gone already.
 */
export async function watchNodes(
  { directory, state: first, started }: StartedCluster,
  known: ReadonlySet<string>,
  signal: AbortSignal,
  tell: (line: string) => void,
): Promise<WatchEnd> {
  const pids = new Map<string, number | null>(
    started.map(({ name, pid }) => [name, known.has(name) ? null : pid]),
  );
  let nodes = first.nodes;
  while (!signal.aborted) {
    const state = readIfSound(directory);
    if (state === null) return { why: "lost", nodes };
    nodes = state.nodes;
    for (const node of state.nodes) {
      const before = pids.get(node.name) ?? null;
      const now = await runningPid(directory, node, before);
      if (now === before) continue;
      pids.set(node.name, now);
      if (now !== null) tell(`${node.name} runs again, pid ${now}`);
      else if (!state.stopRequested) tell(goneMessage(directory, node.name, before, started));
    }
    if (state.stopRequested && [...pids.values()].every((pid) => pid === null))
      return { why: "stopped", nodes };
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
  return { why: "signal", nodes };
}

/** The pid of a node that runs. One that was started again counts once it listens: until then it may yet end. */
async function runningPid(
  directory: string,
  node: ClusterNode,
  before: number | null,
): Promise<number | null> {
  if (node.pid === null || !isRunning(directory, node)) return null;
  if (node.pid === before) return before;
  return (await isListening(node.client, node.pid, LISTEN_TIMEOUT_MS)) ? node.pid : null;
}

function goneMessage(
  directory: string,
  name: string,
  pid: number | null,
  started: readonly StartedNode[],
): string {
  const ending = started.find((node) => node.name === name && node.pid === pid)?.ended() ?? null;
  const how = ending === null ? "" : ` (${describeEnding(ending)})`;
  return (
    `${name} is gone${how}, was pid ${pid}; its log is ${nodeLogPath(directory, name)}; ` +
    `\`raftkv cluster start-node ${name}\` starts it again`
  );
}

/** Waits for a signal that says "stop". `close` gives the signals back to whoever had them. */
export interface StopSignal {
  readonly signal: AbortSignal;
  close(): void;
}

/**
 * Only the first signal counts: on a terminal, Ctrl-C reaches this process and npm, and npm passes it on, so that one
 * key press arrives as two or three signals.
 */
export function listenForStop(): StopSignal {
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  for (const name of names) process.on(name, abort);
  return {
    signal: controller.signal,
    close: () => {
      for (const name of names) process.off(name, abort);
    },
  };
}
