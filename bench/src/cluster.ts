import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCluster, stopNodes, waitUntilServing } from "@raftkv/cli";

const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 15_000;

/** Where the load goes, and what is to be measured beside it. */
export interface BenchCluster {
  readonly endpoints: readonly string[];
  /** Processes of the nodes by name; none when somebody else started them. */
  readonly pids: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

/** Starts three nodes on free ports, with everything they write in a temporary directory. */
export async function startBenchCluster(signal: AbortSignal): Promise<BenchCluster> {
  const folder = await mkdtemp(join(tmpdir(), "raftkv-bench-"));
  const directory = join(folder, "cluster");
  const stop = async (): Promise<void> => {
    const tell = (names: readonly string[]): void => {
      process.stderr.write(
        `${names.join(", ")} did not stop within ${STOP_LIMIT_MS} ms and will be killed\n`,
      );
    };
    try {
      await stopNodes(directory, STOP_LIMIT_MS, tell);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
  try {
    const started = await startCluster(directory, { nodes: 3, clientPort: 0, peerPort: 0 }, process.env);
    await waitUntilServing(started, { limitMs: START_LIMIT_MS, signal });
    const { nodes } = started.state;
    return {
      endpoints: nodes.map((node) => node.client),
      pids: new Map(started.started.map((node) => [node.name, node.pid])),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
