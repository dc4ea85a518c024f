import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { normalAddress } from "../address.js";
import { usageError } from "../errors.js";
import { withClusterLock } from "./lock.js";

/** What `raftkv cluster start` makes unless it is told another. */
export const DEFAULT_DIRECTORY = ".raftkv";
const FILE = "cluster.json";
const FORMAT = 1;

/** One node of a cluster that this command keeps. */
export interface ClusterNode {
  readonly name: string;
  /** Where clients and HTTP connect. */
  readonly client: string;
  readonly peer: string;
  /** The process that was started last, which may be gone, and whose number may be another's by now. */
  readonly pid: number | null;
  /** Whether its data directory was seen in use: from then on nothing may create it again (R25). */
  readonly created: boolean;
}

export interface ClusterState {
  readonly nodes: readonly ClusterNode[];
  /** `cluster stop` was the last word, so nodes that are gone are no accident. */
  readonly stopRequested: boolean;
}

export function nodeDirectory(directory: string, name: string): string {
  return join(directory, name);
}

export function nodeLogPath(directory: string, name: string): string {
  return join(nodeDirectory(directory, name), "node.log");
}

/** Absolute path of the cluster in `.raftkv` of this folder or of the nearest one above; null when there is none. */
export function findCluster(from: string): string | null {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const candidate = join(folder, DEFAULT_DIRECTORY);
    if (existsSync(join(candidate, FILE))) return candidate;
    if (dirname(folder) === folder) return null;
  }
}

function damaged(path: string, what: string): Error {
  return usageError(`${path} cannot be used: ${what}`, "BAD_CLUSTER_FILE");
}

function addressIn(path: string, value: unknown): string {
  const address = typeof value === "string" ? normalAddress(value) : null;
  if (address === null) throw damaged(path, `${JSON.stringify(value)} is not HOST:PORT`);
  return address;
}

function nodeIn(path: string, value: unknown): ClusterNode {
  const { name, client, peer, pid, created } = (value ?? {}) as Record<string, unknown>;
  if (typeof name !== "string" || !/^n[1-9]\d*$/.test(name)) throw damaged(path, "a node has no name");
  const isPid = pid === null || (Number.isSafeInteger(pid) && (pid as number) > 1);
  if (!isPid) throw damaged(path, `${name} has the pid ${JSON.stringify(pid)}`);
  return {
    name,
    client: addressIn(path, client),
    peer: addressIn(path, peer),
    pid: pid as number | null,
    created: created === true,
  };
}

/**
 * Null when there is no cluster in the directory.
 * @throws {CliError} BAD_CLUSTER_FILE: it is there, but not readable, not ours, or of a newer version.
 */
export function readCluster(directory: string): ClusterState | null {
  const path = join(directory, FILE);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw damaged(path, (error as Error).message);
  }
  let content: Record<string, unknown>;
  try {
    content = JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw damaged(path, (error as Error).message);
  }
  const { format, nodes, stopRequested } = content;
  if (format !== FORMAT)
    throw damaged(path, `its format is ${JSON.stringify(format)}, this raftkv reads ${FORMAT}`);
  if (!Array.isArray(nodes) || nodes.length === 0) throw damaged(path, "it names no nodes");
  return { nodes: nodes.map((node) => nodeIn(path, node)), stopRequested: stopRequested === true };
}

/** Null also when the file is damaged: for those who would only let go of it. */
export function readIfSound(directory: string): ClusterState | null {
  try {
    return readCluster(directory);
  } catch {
    return null;
  }
}

/** @throws {CliError} NO_CLUSTER. */
export function requireCluster(directory: string): ClusterState {
  const state = readCluster(directory);
  if (state !== null) return state;
  throw usageError(`there is no cluster in ${directory}; \`raftkv cluster start\` makes one`, "NO_CLUSTER");
}

export function requireNode(state: ClusterState, name: string): ClusterNode {
  const node = state.nodes.find((candidate) => candidate.name === name);
  if (node !== undefined) return node;
  const names = state.nodes.map((candidate) => candidate.name).join(", ");
  throw usageError(`there is no node "${name}" in this cluster; there are ${names}`, "NO_SUCH_NODE");
}

/** Whole or not at all: another command may read it at any moment. */
export function writeCluster(directory: string, state: ClusterState): void {
  const content = { format: FORMAT, stopRequested: state.stopRequested, nodes: state.nodes };
  const temporary = join(directory, `${FILE}.${process.pid}.tmp`);
  writeFileSync(temporary, `${JSON.stringify(content, null, 2)}\n`);
  renameSync(temporary, join(directory, FILE));
}

/** Reads, changes and writes the state under the lock, and returns it. */
export async function updateCluster(
  directory: string,
  change: (state: ClusterState) => ClusterState,
): Promise<ClusterState> {
  // Asked before the lock is taken as well: nothing is to be made where there is no cluster.
  requireCluster(directory);
  return withClusterLock(directory, () => {
    const state = change(requireCluster(directory));
    writeCluster(directory, state);
    return state;
  });
}

export function withNode(state: ClusterState, name: string, change: Partial<ClusterNode>): ClusterState {
  return { ...state, nodes: state.nodes.map((node) => (node.name === name ? { ...node, ...change } : node)) };
}
