import { relative } from "node:path";
import { findCluster, readIfSound } from "../cluster/directory.js";
import type { ClusterNode } from "../cluster/directory.js";
import type { ClusterWish } from "../cluster/plan.js";
import { endedNodes, startCluster, waitUntilServing } from "../cluster/start.js";
import type { EndedNode, StartedCluster } from "../cluster/start.js";
import { stopNodes, stopProcesses } from "../cluster/stop.js";
import { listenForStop, watchNodes } from "../cluster/supervise.js";
import type { Context } from "../context.js";
import { formatDuration } from "../duration.js";
import { CliError } from "../errors.js";
import { EXIT } from "../exit-codes.js";
import type { ExitCode } from "../exit-codes.js";
import { say, sayJson, sayTable } from "../output.js";

export interface ClusterStartOptions {
  readonly directory: string;
  readonly wish: ClusterWish;
  readonly detach: boolean;
  readonly json: boolean;
  readonly timeoutMs: number;
}

async function sayServing(
  context: Context,
  cluster: StartedCluster,
  ended: readonly EndedNode[],
  options: ClusterStartOptions,
): Promise<void> {
  const { directory, state } = cluster;
  const nodes = state.nodes.map(({ name, pid, client, peer }) => {
    const running = !ended.some(({ node }) => node.name === name);
    return { name, pid: running ? pid : null, client, peer, running };
  });
  // The cluster serves without them, so this is no failure; but nobody may take them for running.
  for (const { node, how } of ended) context.err.write(`warning: ${node.name} is not running: ${how}\n`);
  if (options.json) {
    sayJson(context, { directory, nodes });
    return;
  }
  const heads = ["name", "pid", "client", "peer", "running"];
  const rows = nodes.map((node) => [node.name, node.pid, node.client, node.peer, node.running]);
  await sayTable(context, heads, rows);
  for (const line of nextSteps(context, cluster, options.detach)) say(context, line);
}

function directoryFlag(context: Context, directory: string): string {
  if (findCluster(context.cwd) === directory) return "";
  const near = relative(context.cwd, directory);
  return ` --dir ${near === "" || near.startsWith("..") ? directory : near}`;
}

/** Lines that can be pasted into another terminal. */
function nextSteps(
  context: Context,
  { directory, state }: StartedCluster,
  detach: boolean,
): readonly string[] {
  const command = context.commandName;
  if (command === null) return [];
  const isFound = findCluster(context.cwd) === directory;
  const endpoints = state.nodes.map(({ client }) => client);
  const dir = directoryFlag(context, directory);
  return [
    "",
    detach ? "Now type:" : "Now type, in another terminal:",
    "",
    ...(isFound ? [] : [`  export RAFTKV_ENDPOINTS=${endpoints.join(",")}`]),
    `  ${command} kv put greeting hello`,
    `  ${command} kv get greeting`,
    `  ${command} status`,
    `  ${command} cluster kill n1${dir}`,
    `  ${command} cluster start-node n1${dir}`,
    detach ? `  ${command} cluster stop${dir}` : "",
  ];
}

function tellSlow(context: Context, limitMs: number): (names: readonly string[]) => void {
  return (names) =>
    void context.err.write(`${names.join(", ")} did not stop within ${formatDuration(limitMs)}: killing\n`);
}

/** Somebody removed the directory under the nodes' feet: only this process still knows which they are. */
async function stopLost(
  context: Context,
  directory: string,
  nodes: readonly ClusterNode[],
  limitMs: number,
): Promise<never> {
  context.err.write(`the cluster file in ${directory} is gone or damaged: stopping …\n`);
  const { left } = await stopProcesses(directory, nodes, limitMs, tellSlow(context, limitMs));
  const stopped = left.length === 0 ? "its nodes were stopped" : "not all of its nodes could be stopped";
  throw new CliError(
    "CLUSTER_LOST",
    EXIT.refused,
    `the cluster file in ${directory} was removed or damaged while the cluster ran; ${stopped}`,
  );
}

async function stopAll(
  context: Context,
  directory: string,
  nodes: readonly ClusterNode[],
  limitMs: number,
): Promise<ExitCode> {
  if (readIfSound(directory) === null) return stopLost(context, directory, nodes, limitMs);
  const result = await stopNodes(directory, limitMs, tellSlow(context, limitMs));
  if (result.left.length > 0) {
    throw new CliError("STILL_RUNNING", EXIT.unavailable, `${result.left.join(", ")} could not be stopped`);
  }
  return EXIT.done;
}

async function startAndStay(
  context: Context,
  options: ClusterStartOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { directory, timeoutMs } = options;
  const tell = (line: string): void => void context.err.write(`${line}\n`);
  const cluster = await startCluster(directory, options.wish, context.env);
  const count = cluster.state.nodes.length;
  tell(
    `${cluster.resumed ? "resuming" : "starting"} ${count} ${count === 1 ? "node" : "nodes"} in ${directory} …`,
  );
  try {
    await waitUntilServing(cluster, { limitMs: timeoutMs, signal });
  } catch (error) {
    await stopAll(context, directory, cluster.state.nodes, timeoutMs);
    throw error;
  }
  let nodes = cluster.state.nodes;
  if (!signal.aborted) {
    const ended = endedNodes(cluster);
    await sayServing(context, cluster, ended, options);
    if (options.detach) return EXIT.done;
    tell("The cluster is up. Ctrl-C stops it.");
    const known = new Set(ended.map(({ node }) => node.name));
    const end = await watchNodes(cluster, known, signal, tell);
    nodes = end.nodes;
    if (end.why === "lost") return stopLost(context, directory, nodes, timeoutMs);
    if (end.why === "stopped") {
      tell("the cluster was stopped");
      return EXIT.done;
    }
  }
  tell("stopping …");
  const code = await stopAll(context, directory, nodes, timeoutMs);
  tell("stopped");
  return code;
}

/** Starts the cluster, says where it is, and stays with it until it is told to stop; or leaves it to itself. */
export async function runCluster(context: Context, options: ClusterStartOptions): Promise<ExitCode> {
  const stop = listenForStop();
  try {
    return await startAndStay(context, options, stop.signal);
  } finally {
    stop.close();
  }
}
