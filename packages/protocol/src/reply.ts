import { ProtocolError, errorCodeOfWire, wireOfErrorCode } from "./errors.js";
import type { ErrorCode, LeaderHint } from "./errors.js";
import { leaderFromWire, leaderToWire } from "./leader.js";
import { REQUEST_OVERHEAD_BYTES } from "./limits.js";
import { count, describe, isCount, pack, text, tuple, unpackArray } from "./msgpack.js";
import { Op } from "./request.js";

/** The first field of a frame from a node. */
export const NODE_FRAME_REPLIES = 1;
export const NODE_FRAME_LEADER = 2;

/** Stands where a reply that answers in full has its operation. */
export const REPLY_ERROR = 0;

export interface PutReply {
  readonly requestId: number;
  readonly op: typeof Op.put;
  readonly revision: number;
}
export interface GetReply {
  readonly requestId: number;
  readonly op: typeof Op.get;
  /** The store's revision that was read. */
  readonly revision: number;
  /** A view of the frame (J); null when there is no such key, and the three counters are 0. */
  readonly value: Buffer | null;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
}
export interface DeleteReply {
  readonly requestId: number;
  readonly op: typeof Op.delete;
  /** The store's revision behind the deletion; the one before it when there was nothing to delete. */
  readonly revision: number;
  /** Keys that were deleted. */
  readonly deleted: number;
}
export interface ErrorReply {
  readonly requestId: number;
  readonly op: typeof REPLY_ERROR;
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly message: string;
  readonly leader: LeaderHint | null;
  readonly retryAfterMs: number | null;
  readonly limit: number | null;
}
export type Reply = PutReply | GetReply | DeleteReply | ErrorReply;

export type NodeFrame =
  | { readonly kind: "replies"; readonly replies: readonly Reply[] }
  /** Who leads has changed, as this node sees it; null when it knows of no leader now. */
  | { readonly kind: "leader"; readonly leader: LeaderHint | null };

/** A reply in the form that travels. Its fields are those of the interfaces above, in docs/protocol.md's order. */
export type WireReply = readonly [number, ...unknown[]];

export function putReply(requestId: number, revision: number): WireReply {
  return [requestId, Op.put, revision];
}

export interface FoundEntry {
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
}

/** `revision` is the store's, at which was read; `entry` is null when there is no such key. */
export function getReply(requestId: number, revision: number, entry: FoundEntry | null): WireReply {
  if (entry === null) return [requestId, Op.get, revision];
  const { value, createRevision, modRevision, version } = entry;
  return [requestId, Op.get, revision, value, createRevision, modRevision, version];
}

export function deleteReply(requestId: number, revision: number, deleted: number): WireReply {
  return [requestId, Op.delete, revision, deleted];
}

/** Facts of a refusal. What is not given is nil on the wire. */
export interface ReplyFacts {
  readonly leader?: LeaderHint | null;
  readonly retryAfterMs?: number | null;
  readonly limit?: number | null;
}

/** @param code one that travels: not CLOSED, which clients make for themselves. */
export function errorReply(
  requestId: number,
  refusal: {
    readonly code: Exclude<ErrorCode, "CLOSED">;
    readonly message: string;
    readonly retryable: boolean;
  },
  facts: ReplyFacts = {},
): WireReply {
  const { code, message, retryable } = refusal;
  const leader = leaderToWire(facts.leader ?? null);
  const wire = wireOfErrorCode(code);
  return [
    requestId,
    REPLY_ERROR,
    wire,
    retryable,
    message,
    leader,
    facts.retryAfterMs ?? null,
    facts.limit ?? null,
  ];
}

/** Encodes replies into as few frames of at most `frameBytes` as it takes, in order; usually one. */
export function encodeReplies(replies: readonly WireReply[], frameBytes: number): readonly Buffer[] {
  let bytes = 0;
  for (const reply of replies) bytes += replyBytes(reply);
  if (bytes <= frameBytes) return replies.length === 0 ? [] : [pack([NODE_FRAME_REPLIES, replies])];
  const frames: Buffer[] = [];
  let part: WireReply[] = [];
  bytes = 0;
  for (const reply of replies) {
    const size = replyBytes(reply);
    if (bytes + size > frameBytes && part.length > 0) {
      frames.push(pack([NODE_FRAME_REPLIES, part]));
      part = [];
      bytes = 0;
    }
    part.push(reply);
    bytes += size;
  }
  frames.push(pack([NODE_FRAME_REPLIES, part]));
  return frames;
}

function replyBytes(reply: WireReply): number {
  // The two fields whose size is not bounded: a get's value and an error's message.
  if (reply[1] === Op.get && reply.length === 7)
    return (reply[3] as Uint8Array).length + REQUEST_OVERHEAD_BYTES;
  if (reply[1] === REPLY_ERROR) return (reply[4] as string).length * 3 + 8 * REQUEST_OVERHEAD_BYTES;
  return REQUEST_OVERHEAD_BYTES;
}

/** Tells a client who leads now, unasked: sent on every connection when the node's view changes. */
export function encodeLeaderNotice(leader: LeaderHint | null): Buffer {
  return pack([NODE_FRAME_LEADER, leaderToWire(leader)]);
}

/**
 * Decodes one frame from a node (C6). Values are views of `bytes`.
 * @throws {ProtocolError} it is none: the connection must be cut.
 */
export function decodeNodeFrame(bytes: Buffer): NodeFrame {
  const frame = unpackArray(bytes);
  if (frame.length !== 2)
    throw new ProtocolError(`a frame from a node has 2 fields, this is ${describe(frame)}`);
  const body = frame[1];
  if (frame[0] === NODE_FRAME_LEADER) return { kind: "leader", leader: leaderFromWire(body) };
  if (frame[0] !== NODE_FRAME_REPLIES) {
    throw new ProtocolError(`a frame from a node begins with ${describe(frame[0])}: 1 or 2 is wanted`);
  }
  if (!Array.isArray(body)) throw new ProtocolError(`the replies are ${describe(body)}: an array is wanted`);
  const replies: Reply[] = [];
  for (const item of body as readonly unknown[]) replies.push(toReply(item));
  return { kind: "replies", replies };
}

function toReply(item: unknown): Reply {
  if (!Array.isArray(item)) throw new ProtocolError(`a reply is ${describe(item)}: an array is wanted`);
  const fields = item as readonly unknown[];
  const requestId = count(fields[0], "a reply's number");
  switch (fields[1]) {
    case Op.put:
      tuple(fields, 3, "the reply to a put");
      return { requestId, op: Op.put, revision: count(fields[2], "the revision") };
    case Op.get:
      return toGetReply(requestId, fields);
    case Op.delete:
      tuple(fields, 4, "the reply to a delete");
      return {
        requestId,
        op: Op.delete,
        revision: count(fields[2], "the revision"),
        deleted: count(fields[3], "the number of deleted keys"),
      };
    case REPLY_ERROR:
      return toErrorReply(requestId, fields);
    default:
      throw new ProtocolError(`a reply's operation is ${describe(fields[1])}: 0 to 3 are known`);
  }
}

function toGetReply(requestId: number, fields: readonly unknown[]): GetReply {
  const revision = count(fields[2], "the revision");
  if (fields.length === 3) {
    return { requestId, op: Op.get, revision, value: null, createRevision: 0, modRevision: 0, version: 0 };
  }
  tuple(fields, 7, "the reply to a get");
  const value = fields[3];
  if (!Buffer.isBuffer(value)) throw new ProtocolError(`the value is ${describe(value)}: bytes are wanted`);
  return {
    requestId,
    op: Op.get,
    revision,
    value,
    createRevision: count(fields[4], "the create revision"),
    modRevision: count(fields[5], "the modify revision"),
    version: count(fields[6], "the version"),
  };
}

function toErrorReply(requestId: number, fields: readonly unknown[]): ErrorReply {
  tuple(fields, 8, "an error reply");
  const code = isCount(fields[2]) ? errorCodeOfWire(fields[2]) : null;
  if (code === null) throw new ProtocolError(`an error's code is ${describe(fields[2])}, which is none`);
  const retryable = fields[3];
  if (typeof retryable !== "boolean") {
    throw new ProtocolError(`retryable is ${describe(retryable)}: a boolean is wanted`);
  }
  return {
    requestId,
    op: REPLY_ERROR,
    code,
    retryable,
    message: text(fields[4], "an error's message"),
    leader: leaderFromWire(fields[5]),
    retryAfterMs: fields[6] === null ? null : count(fields[6], "retryAfterMs"),
    limit: fields[7] === null ? null : count(fields[7], "the limit"),
  };
}
