import { ProtocolError } from "../errors.js";
import { pack } from "../frame-writer.js";
import type { PackedFrame } from "../frame-writer.js";
import { count, describe, text, tuple, unpackArray } from "../msgpack.js";

/** Path of the WebSocket upgrade on a node's peer address. */
export const PEER_PATH = "/v1/peer";

/** Of the upgrade request: the name of the node that dials, for logs and for what is between the nodes. The hello is what counts. */
export const PEER_NAME_HEADER = "x-raftkv-member";

export const PEER_VERSION_MIN = 1;
export const PEER_VERSION_MAX = 1;

/** Ample for one that names all members there can be. */
export const PEER_HELLO_BYTES_MAX = 64 * 1024;

const MAGIC = "raftkv-peer";
/** Of a node whose version says nothing of it. */
const LOG_FORMAT_UNSAID = 1;

/** Heartbeats and votes have a connection of their own, so that they never queue behind entries; snapshots as well (C5). */
export const LANES = ["control", "bulk", "snapshot"] as const;
export type Lane = (typeof LANES)[number];

/** A member as the sender has it on disk. */
export interface PeerMember {
  readonly name: string;
  /** Null until it was met (R25). */
  readonly serverId: string | null;
  readonly peer: string;
  readonly client: string | null;
  readonly witness: boolean;
}

/** What a node says of itself to another one. */
export interface PeerIdentity {
  /** Null until the cluster has formed. */
  readonly clusterId: string | null;
  readonly name: string;
  readonly serverId: string;
  readonly advertisePeer: string;
  readonly advertiseClient: string;
  /** The members as this node has them on disk, itself among them. */
  readonly members: readonly PeerMember[];
  /** Where the configuration stands in the log that says so, which is committed; 0 for those that formed the cluster. */
  readonly membersIndex: number;
  /** What its new cluster begins with: names a restored snapshot; null for nothing (R23). */
  readonly restored: string | null;
  /** The newest format of the log's commands that it understands. */
  readonly logFormat: number;
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
  | "REMOVED"
  | "WRONG_KIND"
  | "UNKNOWN_MEMBER"
  | "IDENTITY_CHANGED"
  | "WRONG_NODE"
  | "UNSUPPORTED_VERSION";

/** The answer: the other's own identity, or why it will not talk. */
export type PeerWelcome =
  | ({ readonly accepted: true; readonly version: number } & PeerIdentity)
  | { readonly accepted: false; readonly code: string; readonly message: string };

export function encodePeerHello(hello: PeerHello): PackedFrame {
  return pack([MAGIC, hello.versionMin, hello.versionMax, hello.to, hello.lane, ...identityToWire(hello)]);
}

/** @throws {ProtocolError} it is no hello of a peer (C6). */
export function decodePeerHello(bytes: Buffer): PeerHello {
  const fields = afterMagic(bytes, 12);
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

export function encodePeerWelcome(identity: PeerIdentity, version: number): PackedFrame {
  return pack([MAGIC, true, version, ...identityToWire(identity)]);
}

export function encodePeerRefusal(code: PeerRefusalCode, message: string): PackedFrame {
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
  const { clusterId, name, serverId, advertisePeer, advertiseClient, members } = identity;
  const { membersIndex, restored, logFormat } = identity;
  const wire = members.map((member) => [
    member.name,
    member.serverId,
    member.peer,
    member.client,
    member.witness,
  ]);
  return [clusterId, name, serverId, advertisePeer, advertiseClient, wire, membersIndex, restored, logFormat];
}

function identityFromWire(fields: readonly unknown[]): PeerIdentity {
  const [members, membersIndex, restored = null, logFormat = LOG_FORMAT_UNSAID] = fields.slice(5);
  if (!Array.isArray(members))
    throw new ProtocolError(`the members are ${describe(members)}: an array is wanted`);
  return {
    clusterId: fields[0] === null ? null : text(fields[0], "the cluster id"),
    name: text(fields[1], "the name"),
    serverId: text(fields[2], "the server id"),
    advertisePeer: text(fields[3], "the peer address"),
    advertiseClient: text(fields[4], "the client address"),
    members: (members as readonly unknown[]).map(memberFromWire),
    membersIndex: count(membersIndex, "the members' index"),
    restored: restored === null ? null : text(restored, "the restored snapshot"),
    logFormat: count(logFormat, "the log's format"),
  };
}

function memberFromWire(value: unknown): PeerMember {
  const [name, serverId, peer, client, witness] = tuple(value, 5, "a member");
  if (typeof witness !== "boolean")
    throw new ProtocolError(`whether a member is a witness is ${describe(witness)}: a boolean is wanted`);
  return {
    name: text(name, "a member's name"),
    serverId: serverId === null ? null : text(serverId, "a member's server id"),
    peer: text(peer, "a member's peer address"),
    client: client === null ? null : text(client, "a member's client address"),
    witness,
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
