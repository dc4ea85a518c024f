import { existsSync, readdirSync } from "node:fs";
import { formatDuration } from "../duration.js";
import { CliError, usageError } from "../errors.js";
import { EXIT, isExitCode } from "../exit-codes.js";
import type { ExitCode } from "../exit-codes.js";
import {
  readCluster,
  requireCluster,
  requireNode,
  updateCluster,
  withNode,
  writeCluster,
} from "./directory.js";
import { withClusterLock } from "./lock.js";
import type { ClusterNode, ClusterState } from "./directory.js";
import { makeDirectory, removeEmpty } from "./make-directory.js";
import { checkResumed, checkWish, planCluster, wantedPorts } from "./plan.js";
import type { ClusterWish } from "./plan.js";
import { requireFreePorts } from "./ports.js";
import { isListening, probeReady } from "./probe.js";
import { isRunning, runningNodes, waitUntilGone } from "./running.js";
import { checkNodeOptions, describeEnd, spawnNode } from "./spawn.js";
import type { StartedNode } from "./spawn.js";
import { waitUntil } from "./wait.js";

/** A node takes up to a second to find out that it is not ready. */
const PROBE_TIMEOUT_MS = 1_500;
const PROBE_EVERY_MS = 50;
/** A process that was just killed closes its ports last. */
const ENDING_LIMIT_MS = 5_000;

type Environment = Readonly<Record<string, string | undefined>>;

/** A cluster whose processes were started, but which may not serve yet. */
export interface StartedCluster {
  readonly directory: string;
  readonly state: ClusterState;
  readonly resumed: boolean;
  readonly started: readonly StartedNode[];
}

/** A node whose process did not outlive the start, and how it ended, in one line. */
export interface EndedNode {
  readonly node: ClusterNode;
  readonly how: string;
}

function refuseRunning(directory: string, state: ClusterState): void {
  const running = runningNodes(directory, state);
  if (running.length === 0) return;
  const names = running.map((node) => `${node.name} (pid ${node.pid})`).join(", ");
  const down = state.nodes.filter((node) => !running.includes(node)).map((node) => node.name);
  const hint =
    down.length === 0 ? "" : `; \`raftkv cluster start-node ${down[0]}\` starts a node that is down`;
  throw usageError(`the cluster in ${directory} is running already: ${names}${hint}`, "ALREADY_RUNNING");
}

function refuseForeign(directory: string): void {
  // Our own lock is in it already.
  const content = existsSync(directory)
    ? readdirSync(directory).filter((name) => !name.startsWith("cluster."))
    : [];
  if (content.length === 0) return;
  throw usageError(
    `${directory} holds no cluster, but it is not empty (${content[0]} …): name another --dir`,
    "NOT_EMPTY",
  );
}

/**
 * Starts all nodes of the cluster in `directory`: a new one when there is none, else the one that is recorded there,
 * with its ports. Returns once the processes are started; `waitUntilServing` says when they serve.
 * @throws {CliError} ALREADY_RUNNING, PORT_IN_USE, USAGE, NOT_EMPTY, BAD_CLUSTER_FILE, BAD_DIRECTORY, CLUSTER_BUSY.
 */
export async function startCluster(
  directory: string,
  wish: ClusterWish,
  env: Environment,
): Promise<StartedCluster> {
  checkWish(wish);
  const made = makeDirectory(directory);
  try {
    return await startUnderLock(directory, wish, env);
  } catch (error) {
    removeEmpty(made);
    throw error;
  }
}

function startUnderLock(directory: string, wish: ClusterWish, env: Environment): Promise<StartedCluster> {
  return withClusterLock(directory, async () => {
    const recorded = readCluster(directory);
    if (recorded === null) refuseForeign(directory);
    else {
      refuseRunning(directory, recorded);
      checkResumed(directory, recorded, wish);
      await waitUntilGone(directory, recorded.nodes, ENDING_LIMIT_MS);
    }
    const planned = { ...(recorded ?? (await planCluster(wish))), stopRequested: false };
    for (const node of planned.nodes) await checkNodeOptions(directory, planned, node, env);
    await requireFreePorts(wantedPorts(planned.nodes));
    // Written before anything runs: a start that is cut off here must find its nodes again.
    writeCluster(directory, planned);
    const started: StartedNode[] = [];
    let state: ClusterState = planned;
    for (const node of planned.nodes) {
      const process = spawnNode(directory, planned, node, env);
      started.push(process);
      state = withNode(state, node.name, { pid: process.pid });
      writeCluster(directory, state);
    }
    return { directory, state, resumed: recorded !== null, started };
  });
}

/** What the process of a node ends with when it cannot serve; a command that started it ends with the same. */
const NODE_EXITS: readonly number[] = [
  EXIT.usage,
  EXIT.brokenInvariant,
  EXIT.storageFailed,
  EXIT.directoryInUse,
  EXIT.dataDamaged,
];

/** Nodes that all ended with one status of their own give it; everything else is "not available". */
function exitCodeOf(nodes: readonly StartedNode[]): ExitCode {
  const codes = new Set(nodes.map((node) => node.ended()?.code ?? null));
  const [code] = codes;
  return codes.size === 1 && isExitCode(code) && NODE_EXITS.includes(code) ? code : EXIT.unavailable;
}

/**
 * Waits until a node says that a leader serves. Records which nodes have made their data directories, and goes on as
 * long as enough of them live for a majority.
 * @throws {CliError} START_FAILED, in one line, with how each dead node ended and why.
 */
export async function waitUntilServing(
  { directory, state, started }: StartedCluster,
  { limitMs, signal }: { readonly limitMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const majority = Math.floor(started.length / 2) + 1;
  const dead = (): StartedNode[] => started.filter((node) => node.ended() !== null);
  const created = new Set<string>();
  let serving = false;
  const isSettled = (): boolean => {
    const alive = started.length - dead().length;
    // Nodes that come up a moment after the leader serves are waited for too, so that none is left unrecorded.
    return alive < majority || (serving && created.size >= alive);
  };
  await waitUntil(
    async () => {
      for (const node of state.nodes) {
        const process = started.find((candidate) => candidate.name === node.name);
        if (process === undefined || process.ended() !== null) continue;
        if (!created.has(node.name) && (await isListening(node.client, process.pid, PROBE_TIMEOUT_MS)))
          created.add(node.name);
        if (created.has(node.name) && !serving)
          serving = (await probeReady(node.client, PROBE_TIMEOUT_MS)).ok;
      }
      return signal.aborted || isSettled();
    },
    { limitMs, everyMs: PROBE_EVERY_MS },
  );
  await updateCluster(directory, (current) =>
    [...created].reduce((next, name) => withNode(next, name, { created: true }), current),
  );
  if (serving || signal.aborted) return;
  const message = `no leader serves within ${formatDuration(limitMs)}`;
  if (dead().length === 0) throw new CliError("START_FAILED", EXIT.unavailable, message);
  const ends = endedNodes({ directory, state, started }).map(({ node, how }) => `${node.name}: ${how}`);
  throw new CliError("START_FAILED", exitCodeOf(dead()), `no leader serves: ${ends.join(" | ")}`);
}

/** Those of a cluster that was just started whose processes are gone already, and in one line each how. */
export function endedNodes({
  directory,
  state,
  started,
}: Pick<StartedCluster, "directory" | "state" | "started">): readonly EndedNode[] {
  return started.flatMap((process) => {
    if (process.ended() === null) return [];
    const node = requireNode(state, process.name);
    return [{ node, how: describeEnd(directory, node, process) }];
  });
}

/**
 * Starts one node of the cluster and returns once its process listens, quorum or not. A node that ended over its
 * configuration or its data gives its own exit code.
 * @throws {CliError} ALREADY_RUNNING, NO_SUCH_NODE, NO_CLUSTER, PORT_IN_USE, START_FAILED.
 */
export async function startNode(
  directory: string,
  name: string,
  limitMs: number,
  env: Environment,
): Promise<ClusterNode> {
  requireCluster(directory);
  const { node, process } = await withClusterLock(directory, async () => {
    const state: ClusterState = { ...requireCluster(directory), stopRequested: false };
    const found = requireNode(state, name);
    if (isRunning(directory, found)) {
      throw usageError(`${name} is running already (pid ${found.pid})`, "ALREADY_RUNNING");
    }
    await waitUntilGone(directory, [found], ENDING_LIMIT_MS);
    await checkNodeOptions(directory, state, found, env);
    await requireFreePorts(wantedPorts([found]));
    const started = spawnNode(directory, state, found, env);
    writeCluster(directory, withNode(state, name, { pid: started.pid }));
    return { node: found, process: started };
  });
  let listening = false;
  await waitUntil(
    async () => {
      listening = await isListening(node.client, process.pid, PROBE_TIMEOUT_MS);
      return listening || process.ended() !== null;
    },
    { limitMs, everyMs: PROBE_EVERY_MS },
  );
  if (!listening) {
    const how = describeEnd(directory, node, process);
    throw new CliError("START_FAILED", exitCodeOf([process]), `${name} does not listen: ${how}`);
  }
  const state = await updateCluster(directory, (current) => withNode(current, name, { created: true }));
  return requireNode(state, name);
}
