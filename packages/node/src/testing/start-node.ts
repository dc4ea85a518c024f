import { startNode as start } from "../start-node.js";
import type { NodeOptions } from "../options.js";
import type { NodeParts, RunningNode } from "../running-node.js";
import { startTestCluster } from "./test-cluster.js";

/**
 * Starts a node in this process. With options, of `parseNodeOptions`, it is the node that these describe. Without any it is a
 * cluster of its own for a test: on free ports, in a temporary directory that `close()` and `kill()` remove, and it has a
 * leader when this resolves.
 * @throws errors with a `code` that `exitCodeOf` knows; nothing is left open then.
 */
export async function startNode(options?: NodeOptions, parts: NodeParts = {}): Promise<RunningNode> {
  if (options !== undefined) return start(options, parts);
  const cluster = await startTestCluster({ nodes: 1 });
  const [name = ""] = cluster.names;
  const node = cluster.node(name);
  if (node === null) throw new Error("the only node of a cluster with a leader runs");
  return {
    name,
    endpoint: node.endpoint,
    ended: node.ended,
    status: () => node.status(),
    close: () => cluster.close(),
    async kill() {
      await node.kill();
      await cluster.close();
    },
  };
}
