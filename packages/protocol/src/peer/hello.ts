import { ProtocolError } from "../errors.js";
import { count, describe, pack, text, tuple, unpackArray } from "../msgpack.js";

/** Path of the WebSocket upgrade on a node's peer address. */
export const PEER_PATH = "/v1/peer";

export const PEER_VERSION_MIN = 1;
export const PEER_VERSION_MAX = 1;

const MAGIC = "raftkv-peer";

/** Heartbeats and votes have a connection of their own, so that they never queue behind entries; snapshots as well (C5). */
export const LANES = ["control", "bulk", "snapshot"] as const;
export type Lane = (typeof LANES)[number];

/** A member's name and the server id under which its creator knows it (R25). */
export interface IdentityRecord {
  readonly name: string;
  readonly serverId: string;
}

/** What a node says of itself to another one. */
export interface PeerIdentity {
  /** Null until the cluster has formed. */
  readonly clusterId: string | null;
  readonly name: string;
  readonly serverId: string;
  readonly advertisePeer: string;
  readonly advertiseClient: string;
  /** The members whose identity this node has on disk. */
  readonly records: readonly IdentityRecord[];
  /** What its new cluster begins with: names a restored snapshot; null for nothing (R23). */
  readonly restored: string | null;
}

/** The first message of the node that dials. */
export interface PeerHello extends PeerIdentity {
  readonly versionMin: number;
  readonly versionMax: number;
  /** Whom it means to reach. */
  readonly to: string;
  readonly lane: Lane;
}

export type PeerRefusalCode =
  | "WRONG_CLUSTER"
  | "UNKNOWN_MEMBER"
  | "IDENTITY_CHANGED"
  | "WRONG_NODE"
  | "UNSUPPORTED_VERSION";

/** The answer: the other's own identity, or why it will not talk. */
export type PeerWelcome =
  | ({ readonly accepted: true; readonly version: number } & PeerIdentity)
  | { readonly accepted: false; readonly code: string; readonly message: string };

export function encodePeerHello(hello: PeerHello): Buffer {
  return pack([MAGIC, hello.versionMin, hello.versionMax, hello.to, hello.lane, ...identityToWire(hello)]);
}

/** @throws {ProtocolError} it is no hello of a peer (C6). */
export function decodePeerHello(bytes: Buffer): PeerHello {
  const fields = afterMagic(bytes, 11);
  const lane = LANES.find((known) => known === fields[4]);
  if (lane === undefined)
    throw new ProtocolError(`the lane is ${describe(fields[4])}: ${LANES.join(" or ")} is wanted`);
  return {
    versionMin: count(fields[1], "the lowest version"),
    versionMax: count(fields[2], "the highest version"),
    to: text(fields[3], "the addressee"),
    lane,
    ...identityFromWire(fields.slice(5)),
  };
}

export function encodePeerWelcome(identity: PeerIdentity, version: number): Buffer {
  return pack([MAGIC, true, version, ...identityToWire(identity)]);
}

export function encodePeerRefusal(code: PeerRefusalCode, message: string): Buffer {
  return pack([MAGIC, false, code, message]);
}

/** @throws {ProtocolError} it is no answer to a hello (C6). */
export function decodePeerWelcome(bytes: Buffer): PeerWelcome {
  const fields = afterMagic(bytes, 4);
  if (fields[1] === false) {
    return { accepted: false, code: text(fields[2], "the code"), message: text(fields[3], "the message") };
  }
  if (fields[1] !== true) throw new ProtocolError(`accepted is ${describe(fields[1])}: a boolean is wanted`);
  return { accepted: true, version: count(fields[2], "the version"), ...identityFromWire(fields.slice(3)) };
}

function identityToWire(identity: PeerIdentity): readonly unknown[] {
  const { clusterId, name, serverId, advertisePeer, advertiseClient, records, restored } = identity;
  const pairs = records.map((record) => [record.name, record.serverId]);
  return [clusterId, name, serverId, advertisePeer, advertiseClient, pairs, restored];
}

function identityFromWire(fields: readonly unknown[]): PeerIdentity {
  const [records, restored = null] = fields.slice(5);
  if (!Array.isArray(records))
    throw new ProtocolError(`the records are ${describe(records)}: an array is wanted`);
  return {
    clusterId: fields[0] === null ? null : text(fields[0], "the cluster id"),
    name: text(fields[1], "the name"),
    serverId: text(fields[2], "the server id"),
    advertisePeer: text(fields[3], "the peer address"),
    advertiseClient: text(fields[4], "the client address"),
    records: (records as readonly unknown[]).map((record) => {
      const pair = tuple(record, 2, "a record");
      return { name: text(pair[0], "a member's name"), serverId: text(pair[1], "a member's server id") };
    }),
    restored: restored === null ? null : text(restored, "the restored snapshot"),
  };
}

function afterMagic(bytes: Buffer, lengthMin: number): readonly unknown[] {
  const fields = unpackArray(bytes);
  if (fields[0] !== MAGIC || fields.length < lengthMin) {
    throw new ProtocolError(
      `a peer's first message begins with "${MAGIC}" and has at least ${lengthMin} fields, this is ${describe(fields)}`,
    );
  }
  return fields;
}
