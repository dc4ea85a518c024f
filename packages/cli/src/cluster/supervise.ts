import { setTimeout as sleep } from "node:timers/promises";
import { nodeLogPath, readCluster } from "./directory.js";
import { isRunning } from "./running.js";
import { describeEnding } from "./spawn.js";
import type { StartedNode } from "./spawn.js";

const LOOK_EVERY_MS = 300;

/** Why watching ended: a signal, or `raftkv cluster stop` from elsewhere. */
export type WatchEnd = "signal" | "stopped";

/**
 * Watches the nodes of a cluster and tells of each that goes or comes back. Starts nothing: nobody restarts a killed
 * node but `start-node`. Goes on when all are gone, since they may come back, until `signal` aborts.
 */
export async function watchNodes(
  directory: string,
  started: readonly StartedNode[],
  signal: AbortSignal,
  tell: (line: string) => void,
): Promise<WatchEnd> {
  const pids = new Map<string, number | null>(started.map((node) => [node.name, node.pid]));
  while (!signal.aborted) {
    const state = readCluster(directory);
    // Somebody removed the directory under the nodes' feet: then there is nothing left to watch.
    if (state === null) return "stopped";
    for (const node of state.nodes) {
      const before = pids.get(node.name) ?? null;
      const now = isRunning(directory, node) ? node.pid : null;
      if (now === before) continue;
      pids.set(node.name, now);
      if (now !== null) tell(`${node.name} runs again, pid ${now}`);
      else if (!state.stopRequested) tell(goneMessage(directory, node.name, before, started));
    }
    if (state.stopRequested && [...pids.values()].every((pid) => pid === null)) return "stopped";
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
  return "signal";
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
