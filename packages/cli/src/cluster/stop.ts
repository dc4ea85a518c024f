import { updateCluster } from "./directory.js";
import type { ClusterNode } from "./directory.js";
import { isRunning, signalNode, waitUntilGone } from "./running.js";

/** A node that was asked to stop and has not within the limit is killed: it then has this long to be gone. */
const KILL_LIMIT_MS = 5_000;

export interface StopResult {
  readonly stopped: readonly string[];
  /** Those that did not stop by themselves. */
  readonly killed: readonly string[];
  /** Those that are still there. */
  readonly left: readonly string[];
}

interface StoppedProcesses {
  readonly running: readonly ClusterNode[];
  readonly slow: readonly ClusterNode[];
  readonly left: readonly ClusterNode[];
}

const namesOf = (nodes: readonly ClusterNode[]): string[] => nodes.map((node) => node.name);

/**
 * Stops those of the nodes that run, all at once, and returns when their processes are gone. Looks at the recorded pids
 * only, so it works also when the cluster's directory was removed. `onSlow` as for `stopNodes`.
 */
export async function stopProcesses(
  directory: string,
  nodes: readonly ClusterNode[],
  limitMs: number,
  onSlow: (names: readonly string[]) => void,
): Promise<StoppedProcesses> {
  const running = nodes.filter((node) => isRunning(directory, node));
  for (const node of running) signalNode(directory, node, "SIGTERM");
  const slow = await waitUntilGone(directory, running, limitMs);
  if (slow.length > 0) {
    onSlow(namesOf(slow));
    for (const node of slow) signalNode(directory, node, "SIGKILL");
  }
  return { running, slow, left: await waitUntilGone(directory, slow, KILL_LIMIT_MS) };
}

/**
 * Stops every node of the cluster that runs, all at once, and returns when their processes are gone. `onSlow` is told
 * of those that did not go within `limitMs`, just before they are killed.
 */
export async function stopNodes(
  directory: string,
  limitMs: number,
  onSlow: (names: readonly string[]) => void,
): Promise<StopResult> {
  const state = await updateCluster(directory, (current) => ({ ...current, stopRequested: true }));
  const { running, slow, left } = await stopProcesses(directory, state.nodes, limitMs, onSlow);
  const gone = new Set(running.filter((node) => !left.includes(node)).map((node) => node.pid));
  await updateCluster(directory, (current) => ({
    ...current,
    nodes: current.nodes.map((node) => (gone.has(node.pid) ? { ...node, pid: null } : node)),
  }));
  const leftNames = namesOf(left);
  return {
    stopped: namesOf(running).filter((name) => !leftNames.includes(name)),
    killed: namesOf(slow).filter((name) => !leftNames.includes(name)),
    left: leftNames,
  };
}
