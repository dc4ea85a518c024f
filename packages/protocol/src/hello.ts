import { errorCodeOfWire, wireOfErrorCode } from "./error-codes.js";
import { ProtocolError, RaftKvError } from "./errors.js";
import type { LeaderHint } from "./errors.js";
import { leaderFromWire, leaderToWire } from "./leader.js";
import { checkLimits } from "./limits.js";
import type { Limits } from "./limits.js";
import { addressesFromWire, addressesToWire } from "./members.js";
import type { MemberAddress } from "./members.js";
import { pack } from "./frame-writer.js";
import type { PackedFrame } from "./frame-writer.js";
import { count, describe, text, unpackArray } from "./msgpack.js";

/** Path of the WebSocket upgrade on a node's client address. */
export const CLIENT_PATH = "/v1/client";

/** The versions that this code speaks, both ends included. */
export const PROTOCOL_VERSION_MIN = 1;
export const PROTOCOL_VERSION_MAX = 1;

/** WebSocket close codes that a node uses (RFC 6455, §7.4.1). */
export const CLOSE_GOING_AWAY = 1001;
export const CLOSE_PROTOCOL_ERROR = 1002;
export const CLOSE_REFUSED = 1008;
export const CLOSE_TRY_LATER = 1013;

/** Nobody is known yet when a hello comes in, so it may not be large (C7). */
export const HELLO_BYTES_MAX = 4096;

const MAGIC = "raftkv";

/** The limits as they stand in a welcome. */
const LIMITS_IN_ORDER = [
  "frameBytes",
  "frameRequests",
  "keyBytes",
  "valueBytes",
  "operationsInTxn",
  "watchesPerConnection",
  "rangeEntries",
] as const satisfies readonly (keyof Limits)[];

/** The client's first message. */
export interface Hello {
  readonly versionMin: number;
  readonly versionMax: number;
  /** The cluster that the client wants; null takes any. */
  readonly clusterId: string | null;
  /** For logs. */
  readonly clientName: string;
}

/** The node's first message, when it takes the client. */
export interface Welcome {
  readonly accepted: true;
  /** The one version that both speak from here on. */
  readonly version: number;
  readonly clusterId: string;
  readonly nodeName: string;
  readonly leader: LeaderHint | null;
  readonly limits: Limits;
  /** Where the members are that serve clients, as far as the node knows. */
  readonly members: readonly MemberAddress[];
}

/** The node's first and last message, when it does not. */
export interface Refusal {
  readonly accepted: false;
  readonly versionMin: number;
  readonly versionMax: number;
  readonly error: RaftKvError;
}

/** What a node says of itself in a welcome. */
export interface NodeIdentity {
  readonly clusterId: string;
  readonly nodeName: string;
  readonly leader: LeaderHint | null;
  readonly limits: Limits;
  readonly members: readonly MemberAddress[];
}

export function encodeHello(hello: Hello): PackedFrame {
  return pack([MAGIC, hello.versionMin, hello.versionMax, hello.clusterId, hello.clientName]);
}

/**
 * Reads a client's first message. Fields behind those known here are passed over: a newer client may have some.
 * @throws {ProtocolError} it is no hello; the connection must be cut.
 */
export function decodeHello(bytes: Buffer): Hello {
  if (bytes.length > HELLO_BYTES_MAX) {
    throw new ProtocolError(`a hello of ${bytes.length} bytes: ${HELLO_BYTES_MAX} are allowed`);
  }
  const fields = afterMagic(bytes, 5);
  const versionMin = count(fields[1], "the lowest version");
  const versionMax = count(fields[2], "the highest version");
  if (versionMin > versionMax) throw new ProtocolError(`versions ${versionMin} to ${versionMax} are none`);
  const clusterId = fields[3] === null ? null : text(fields[3], "the cluster id");
  return { versionMin, versionMax, clusterId, clientName: text(fields[4], "the client's name") };
}

/** The answer to a hello, and its bytes. After a refusal the node closes the connection with CLOSE_REFUSED. */
export function answerHello(
  hello: Hello,
  node: NodeIdentity,
): { readonly answer: Welcome | Refusal; readonly bytes: PackedFrame } {
  const version = Math.min(hello.versionMax, PROTOCOL_VERSION_MAX);
  if (version < Math.max(hello.versionMin, PROTOCOL_VERSION_MIN)) {
    const message =
      `the client speaks protocol versions ${hello.versionMin} to ${hello.versionMax}, ` +
      `node ${node.nodeName} speaks ${PROTOCOL_VERSION_MIN} to ${PROTOCOL_VERSION_MAX}`;
    return refuse(new RaftKvError("UNSUPPORTED_VERSION", message));
  }
  if (hello.clusterId !== null && hello.clusterId !== node.clusterId) {
    const message = `node ${node.nodeName} is of cluster ${node.clusterId}, the client wants ${hello.clusterId}`;
    return refuse(new RaftKvError("WRONG_CLUSTER", message));
  }
  const answer: Welcome = { accepted: true, version, ...node };
  const limits = LIMITS_IN_ORDER.map((name) => node.limits[name]);
  const leader = leaderToWire(node.leader);
  const members = addressesToWire(node.members);
  return {
    answer,
    bytes: pack([MAGIC, true, version, node.clusterId, node.nodeName, leader, limits, members]),
  };
}

function refuse(error: RaftKvError): { readonly answer: Refusal; readonly bytes: PackedFrame } {
  const [versionMin, versionMax] = [PROTOCOL_VERSION_MIN, PROTOCOL_VERSION_MAX];
  return {
    answer: { accepted: false, versionMin, versionMax, error },
    bytes: pack([MAGIC, false, versionMin, versionMax, wireOfErrorCode(error.code), error.message]),
  };
}

/**
 * Reads a node's first message. Fields behind those known here are passed over: a newer node may have some.
 * @throws {ProtocolError} it is neither a welcome nor a refusal, or chose a version that was not offered.
 */
export function decodeHelloAnswer(bytes: Buffer): Welcome | Refusal {
  const fields = afterMagic(bytes, 6);
  if (fields[1] === false) {
    const code = errorCodeOfWire(count(fields[4], "the refusal's code"));
    if (code === null) throw new ProtocolError(`the refusal's code is ${describe(fields[4])}, which is none`);
    return {
      accepted: false,
      versionMin: count(fields[2], "the lowest version"),
      versionMax: count(fields[3], "the highest version"),
      error: new RaftKvError(code, text(fields[5], "the refusal's message")),
    };
  }
  if (fields[1] !== true) throw new ProtocolError(`accepted is ${describe(fields[1])}: a boolean is wanted`);
  const version = count(fields[2], "the version");
  if (version < PROTOCOL_VERSION_MIN || version > PROTOCOL_VERSION_MAX) {
    throw new ProtocolError(
      `the node chose protocol version ${version}, offered were ${PROTOCOL_VERSION_MIN} to ${PROTOCOL_VERSION_MAX}`,
    );
  }
  return {
    accepted: true,
    version,
    clusterId: text(fields[3], "the cluster id"),
    nodeName: text(fields[4], "the node's name"),
    leader: leaderFromWire(fields[5]),
    limits: limitsFromWire(fields[6]),
    members: addressesFromWire(fields[7]),
  };
}

function limitsFromWire(value: unknown): Limits {
  if (!Array.isArray(value) || value.length < LIMITS_IN_ORDER.length) {
    throw new ProtocolError(
      `the limits are ${describe(value)}: an array of at least ${LIMITS_IN_ORDER.length} is wanted`,
    );
  }
  const fields = value as readonly unknown[];
  const read = LIMITS_IN_ORDER.map((name, at) => [name, count(fields[at], name)]);
  const limits = Object.fromEntries(read) as unknown as Limits;
  try {
    return checkLimits(limits);
  } catch (error) {
    throw new ProtocolError(`the node's limits make no sense: ${(error as Error).message}`, error);
  }
}

function afterMagic(bytes: Buffer, lengthMin: number): readonly unknown[] {
  const fields = unpackArray(bytes);
  if (fields[0] !== MAGIC || fields.length < lengthMin) {
    throw new ProtocolError(
      `a first message begins with "${MAGIC}" and has at least ${lengthMin} fields, this is ${describe(fields)}`,
    );
  }
  return fields;
}
