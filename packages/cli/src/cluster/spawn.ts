import { spawn } from "node:child_process";
import { closeSync, fstatSync, mkdirSync, openSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { EXIT, exitMeaning } from "../exit-codes.js";
import { nodeDirectory, nodeLogPath } from "./directory.js";
import type { ClusterNode, ClusterState } from "./directory.js";
import { lastWords } from "./last-words.js";

const BIN = fileURLToPath(new URL("../../bin/raftkv.cjs", import.meta.url));
/** LevelDB's work and the log's fsync share libuv's pool; four threads are too few for both (J). */
const THREADPOOL_SIZE = "8";

type Environment = Readonly<Record<string, string | undefined>>;

/** A node that this process has started. */
export interface StartedNode {
  readonly name: string;
  readonly pid: number;
  /** How it ended; null while it runs. */
  ended(): Ending | null;
  /** Size of its log file when it was started: what lies before is of earlier starts. */
  readonly logFromByte: number;
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

function rawOptions(directory: string, state: ClusterState, node: ClusterNode) {
  return {
    name: node.name,
    dataDir: nodeDirectory(directory, node.name),
    // Only a directory that was never in use may be created (R25): one that somebody emptied stays an error.
    init: !node.created,
    listenClient: node.client,
    listenPeer: node.peer,
    initialCluster: state.nodes.map(({ name, peer }) => `${name}=${peer}`).join(","),
  };
}

/**
 * Checks what the node would be started with, so that a wrong setting is told here and not in a log file.
 * @throws {ConfigurationError} and what else `parseNodeOptions` throws.
 */
export async function checkNodeOptions(
  directory: string,
  state: ClusterState,
  node: ClusterNode,
  env: Environment,
): Promise<void> {
  const { parseNodeOptions } = await import("@raftkv/node");
  parseNodeOptions(rawOptions(directory, state, node), env);
}

/** Starts the node as a process of its own that outlives this one; what it prints goes to its log file. */
export function spawnNode(
  directory: string,
  state: ClusterState,
  node: ClusterNode,
  env: Environment,
): StartedNode {
  const raw = rawOptions(directory, state, node);
  mkdirSync(raw.dataDir, { recursive: true });
  const log = openSync(nodeLogPath(directory, node.name), "a");
  const logFromByte = fstatSync(log).size;
  // --data-dir comes first: `nodeProcessState` knows the process by it.
  const args = [BIN, "node", "start", "--data-dir", raw.dataDir, "--name", raw.name];
  if (raw.init) args.push("--init");
  args.push("--listen-client", raw.listenClient, "--listen-peer", raw.listenPeer);
  args.push("--initial-cluster", raw.initialCluster);
  const child = spawn(process.execPath, args, {
    detached: true,
    stdio: ["ignore", log, log],
    env: { UV_THREADPOOL_SIZE: THREADPOOL_SIZE, ...env },
  });
  closeSync(log);
  let ending: Ending | null = null;
  child.once("exit", (code, signal) => {
    ending = { code, signal };
  });
  child.once("error", () => {
    ending ??= { code: null, signal: null };
  });
  child.unref();
  return { name: node.name, pid: child.pid ?? -1, ended: () => ending, logFromByte };
}

/** `exit code 75: the data directory is in use (node)`. */
export function describeEnding({ code, signal }: Ending): string {
  if (signal !== null) return `killed by ${signal}`;
  if (code === null) return "could not be started";
  // A node answers nothing, so codes of answers are not its own: Node.js ends with 1 when it crashes.
  const meaning = code === EXIT.usage || code >= EXIT.brokenInvariant ? exitMeaning(code) : null;
  return meaning === null ? `exit code ${code}` : `exit code ${code}: ${meaning}`;
}

/** Whether somebody emptied the data directory of a node that was in use: only the log of its starts is in it. */
function isWiped(directory: string, node: ClusterNode): boolean {
  if (!node.created) return false;
  try {
    return readdirSync(nodeDirectory(directory, node.name)).every((name) => name === "node.log");
  } catch {
    return true;
  }
}

/** In one line how a node ended and why, where a reason is known: `exit code 76: …: …; its log is …`. */
export function describeEnd(directory: string, node: ClusterNode, started: StartedNode): string {
  const ending = started.ended();
  // What it promised is gone (R25): it may not come back as if it had promised nothing.
  if (ending !== null && isWiped(directory, node)) {
    return (
      `${node.name}'s data directory is empty: what it promised is gone; ` +
      `it cannot come back under its old name (docs/operating.md, "A member that is lost")`
    );
  }
  const how = ending === null ? "it is still starting" : describeEnding(ending);
  const path = nodeLogPath(directory, node.name);
  const reason = lastWords(path, started.logFromByte);
  return `${how}${reason === null ? "" : `: ${reason}`}; its log is ${path}`;
}
