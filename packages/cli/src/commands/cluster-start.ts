import { relative } from "node:path";
import { findCluster } from "../cluster/directory.js";
import type { ClusterWish } from "../cluster/plan.js";
import { startCluster, waitUntilServing } from "../cluster/start.js";
import type { StartedCluster } from "../cluster/start.js";
import { stopNodes } from "../cluster/stop.js";
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

function sayServing(context: Context, cluster: StartedCluster, options: ClusterStartOptions): void {
  const { directory, state, started } = cluster;
  const pidOf = (name: string): number | null => started.find((node) => node.name === name)?.pid ?? null;
  if (options.json) {
    const nodes = state.nodes.map(({ name, client, peer }) => ({ name, pid: pidOf(name), client, peer }));
    sayJson(context, { directory, nodes });
    return;
  }
  const heads = ["name", "pid", "client", "peer"];
  const rows = state.nodes.map(({ name, client, peer }) => [name, pidOf(name), client, peer]);
  sayTable(context, heads, rows);
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

async function stopAll(context: Context, directory: string, limitMs: number): Promise<ExitCode> {
  const result = await stopNodes(directory, limitMs, (names) =>
    context.err.write(`${names.join(", ")} did not stop within ${formatDuration(limitMs)}: killing\n`),
  );
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
    await stopAll(context, directory, timeoutMs);
    throw error;
  }
  if (!signal.aborted) {
    sayServing(context, cluster, options);
    if (options.detach) return EXIT.done;
    tell("The cluster is up. Ctrl-C stops it.");
    if ((await watchNodes(directory, cluster.started, signal, tell)) === "stopped") {
      tell("the cluster was stopped");
      return EXIT.done;
    }
  }
  tell("stopping …");
  const code = await stopAll(context, directory, timeoutMs);
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
