import { splitAddress } from "../address.js";
import { usageError } from "../errors.js";
import type { ClusterNode, ClusterState } from "./directory.js";
import { findFreePorts } from "./ports.js";
import type { WantedPort } from "./ports.js";

/** A cluster that this command keeps is for one machine; others are started with `raftkv node start`. */
const HOST = "127.0.0.1";
const DEFAULT_NODES = 3;
const NODES_MAX = 9;
const DEFAULT_CLIENT_PORT = 7401;
const DEFAULT_PEER_PORT = 7501;
const PORT_MAX = 65_535;

/** What the user asked for; null where nothing was said. A port of 0 means any that are free. */
export interface ClusterWish {
  readonly nodes: number | null;
  readonly clientPort: number | null;
  readonly peerPort: number | null;
}

function requireWhole(option: string, value: number, from: number, to: number): void {
  if (Number.isInteger(value) && value >= from && value <= to) return;
  throw usageError(`${option} is ${value}, but must be a whole number from ${from} to ${to}`);
}

function requirePort(option: string, first: number, count: number): void {
  const last = PORT_MAX - count + 1;
  if (Number.isInteger(first) && first >= 0 && first <= last) return;
  const why = count === 1 ? "" : `, since ${count} nodes take ${count} consecutive ports up to ${PORT_MAX}`;
  throw usageError(`${option} is ${first}, but must be from 1 to ${last}, or 0 for any free ones${why}`);
}

/** @throws {CliError} USAGE: a number is out of its range. */
export function checkWish({ nodes, clientPort, peerPort }: ClusterWish): void {
  const count = nodes ?? DEFAULT_NODES;
  requireWhole("--nodes", count, 1, NODES_MAX);
  requirePort("--client-port", clientPort ?? DEFAULT_CLIENT_PORT, count);
  requirePort("--peer-port", peerPort ?? DEFAULT_PEER_PORT, count);
}

/** Nodes n1 … nN with consecutive ports. */
export async function planCluster(wish: ClusterWish): Promise<ClusterState> {
  const count = wish.nodes ?? DEFAULT_NODES;
  const range = (first: number): number[] => Array.from({ length: count }, (_, offset) => first + offset);
  const wishedPeer = wish.peerPort ?? DEFAULT_PEER_PORT;
  const wishedClient = wish.clientPort ?? DEFAULT_CLIENT_PORT;
  const client = wishedClient || (await findFreePorts(HOST, count, new Set(range(wishedPeer))));
  const peer = wishedPeer || (await findFreePorts(HOST, count, new Set(range(client))));
  if (Math.abs(client - peer) < count) {
    throw usageError(
      `the client ports from ${client} and the peer ports from ${peer} overlap with ${count} nodes`,
    );
  }
  const at = (port: number): string => `${HOST}:${port}`;
  const nodes = range(0).map((offset): ClusterNode => ({
    name: `n${offset + 1}`,
    client: at(client + offset),
    peer: at(peer + offset),
    pid: null,
    created: false,
  }));
  return { nodes, stopRequested: false };
}

function portOf(address: string | undefined): number | null {
  return splitAddress(address ?? "")?.port ?? null;
}

/**
 * A cluster that is there resumes as it was made; a wish that says otherwise is an error and not a surprise.
 * @throws {CliError} USAGE, naming what is recorded.
 */
export function checkResumed(directory: string, state: ClusterState, wish: ClusterWish): void {
  const [first] = state.nodes;
  const recorded = [
    ["--nodes", wish.nodes, state.nodes.length],
    ["--client-port", wish.clientPort || null, portOf(first?.client)],
    ["--peer-port", wish.peerPort || null, portOf(first?.peer)],
  ] as const;
  for (const [option, wished, has] of recorded) {
    if (wished === null || wished === has) continue;
    throw usageError(
      `${option} is ${wished}, but the cluster in ${directory} was made with ${has}: ` +
        `leave ${option} out to resume it, or make another one with --dir`,
    );
  }
}

export function wantedPorts(nodes: readonly ClusterNode[]): readonly WantedPort[] {
  return nodes.flatMap((node) => [
    { address: node.client, purpose: `clients of ${node.name}` },
    { address: node.peer, purpose: `peers of ${node.name}` },
  ]);
}
