import { nodeDirectory } from "./directory.js";
import type { ClusterNode, ClusterState } from "./directory.js";
import { nodeProcessState, sendSignal } from "./process.js";
import type { NodeProcessState } from "./process.js";
import { waitUntil } from "./wait.js";

function stateOf(directory: string, { name, pid }: ClusterNode): NodeProcessState {
  return pid === null ? "gone" : nodeProcessState(pid, nodeDirectory(directory, name));
}

/** Whether the node's recorded process is there and is really that node. */
export function isRunning(directory: string, node: ClusterNode): boolean {
  return stateOf(directory, node) === "running";
}

export function runningNodes(directory: string, state: ClusterState): readonly ClusterNode[] {
  return state.nodes.filter((node) => isRunning(directory, node));
}

/** Waits until no process of these nodes is left, with its ports free; returns those that are after `limitMs`. */
export async function waitUntilGone(
  directory: string,
  nodes: readonly ClusterNode[],
  limitMs: number,
): Promise<readonly ClusterNode[]> {
  let left = nodes;
  await waitUntil(
    () => {
      left = left.filter((node) => stateOf(directory, node) !== "gone");
      return left.length === 0;
    },
    { limitMs },
  );
  return left;
}

/** Sends a signal to the node if it runs. A stopped process is woken, or it would not hear a polite request. */
export function signalNode(directory: string, node: ClusterNode, signal: NodeJS.Signals): boolean {
  if (node.pid === null || !isRunning(directory, node)) return false;
  sendSignal(node.pid, signal);
  if (signal === "SIGTERM" || signal === "SIGINT") sendSignal(node.pid, "SIGCONT");
  return true;
}
