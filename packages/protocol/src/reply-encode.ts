import { factOfErrorCode, wireOfErrorCode } from "./error-codes.js";
import type { ErrorCode, ErrorFact } from "./error-codes.js";
import type { LeaderHint } from "./errors.js";
import { keyValueToWire } from "./key-value.js";
import type { KeyValue } from "./key-value.js";
import { leaderToWire } from "./leader.js";
import { REQUEST_OVERHEAD_BYTES } from "./limits.js";
import { addressesToWire } from "./members.js";
import type { MemberAddress } from "./members.js";
import { pack } from "./frame-writer.js";
import type { PackedFrame } from "./frame-writer.js";
import { packedBytesMax } from "./msgpack.js";
import { NODE_FRAME_LEADER, NODE_FRAME_MEMBERS, NODE_FRAME_REPLIES, Op, REPLY_ERROR } from "./op.js";
import type { LeaseInfo, RangeFound, Route, TxnOpResult, TxnResult } from "./reply.js";

/** A reply in the form that travels. Its fields are those of the interfaces in reply.ts, in docs/protocol.md's order. */
export type WireReply = readonly [requestId: number, op: number, ...fields: unknown[]];

/** @param previous what was there before, null for nothing; left out when it was not asked for. */
export function putReply(requestId: number, revision: number, previous?: KeyValue | null): WireReply {
  if (previous === undefined) return [requestId, Op.put, revision];
  return [requestId, Op.put, revision, previousToWire(previous)];
}

/** `revision` is the store's, at which was read; `entry` is null when there is no such key. */
export function getReply(
  requestId: number,
  revision: number,
  entry: Omit<KeyValue, "key"> | null,
): WireReply {
  if (entry === null) return [requestId, Op.get, revision];
  const { value, createRevision, modRevision, version, lease } = entry;
  return [requestId, Op.get, revision, value, createRevision, modRevision, version, lease];
}

export function deleteReply(
  requestId: number,
  revision: number,
  deleted: number,
  previous: readonly KeyValue[] = [],
): WireReply {
  return [requestId, Op.delete, revision, deleted, previous.map(keyValueToWire)];
}

export function rangeReply(requestId: number, revision: number, found: RangeFound): WireReply {
  return [requestId, Op.range, revision, ...foundToWire(found)];
}

export function txnReply(requestId: number, revision: number, result: TxnResult): WireReply {
  return [requestId, Op.txn, revision, ...txnResultToWire(result)];
}

export function leaseGrantReply(requestId: number, lease: number, ttlMs: number): WireReply {
  return [requestId, Op.leaseGrant, lease, ttlMs];
}

export function leaseRevokeReply(requestId: number, revision: number, deleted: number): WireReply {
  return [requestId, Op.leaseRevoke, revision, deleted];
}

/** @param ttlsMs one for each lease of the request, in its order; 0 for those that are not there. */
export function leaseKeepAliveReply(requestId: number, ttlsMs: readonly number[]): WireReply {
  return [requestId, Op.leaseKeepAlive, ttlsMs];
}

export function leaseTimeToLiveReply(
  requestId: number,
  lease: Omit<LeaseInfo, "lease">,
  keys: readonly Uint8Array[],
): WireReply {
  return [requestId, Op.leaseTimeToLive, lease.ttlMs, lease.remainingMs, keys];
}

export function leaseListReply(requestId: number, leases: readonly LeaseInfo[]): WireReply {
  const wire = leases.map(({ lease, ttlMs, remainingMs }) => [lease, ttlMs, remainingMs]);
  return [requestId, Op.leaseList, wire];
}

export function sessionOpenReply(requestId: number, session: number, ttlMs: number): WireReply {
  return [requestId, Op.sessionOpen, session, ttlMs];
}

export function sessionCloseReply(requestId: number): WireReply {
  return [requestId, Op.sessionClose];
}

export function sessionKeepAliveReply(requestId: number, ttlMs: number): WireReply {
  return [requestId, Op.sessionKeepAlive, ttlMs];
}

export function compactReply(requestId: number, floor: number): WireReply {
  return [requestId, Op.compact, floor];
}

export function catalogReply(requestId: number, version: number, routes: readonly Route[]): WireReply {
  const wire = routes.map((route) => [route.routeId, route.start, route.end, route.groupId, route.version]);
  return [requestId, Op.catalog, version, wire];
}

export function catalogChangeReply(requestId: number, version: number): WireReply {
  return [requestId, Op.catalogChange, version];
}

export function watchReply(requestId: number, revision: number): WireReply {
  return [requestId, Op.watch, revision];
}

export function watchCancelReply(requestId: number): WireReply {
  return [requestId, Op.watchCancel];
}

/** Facts of a refusal. What is not given is nil on the wire. */
export interface ReplyFacts extends Readonly<Partial<Record<ErrorFact, number | null>>> {
  readonly leader?: LeaderHint | null;
  readonly retryAfterMs?: number | null;
  readonly limit?: number | null;
}

/** What is refused with: a code that travels, so not CLOSED, which clients make for themselves. */
export interface WireRefusal {
  readonly code: Exclude<ErrorCode, "CLOSED">;
  readonly message: string;
  readonly retryable: boolean;
}

export function errorReply(requestId: number, refusal: WireRefusal, facts: ReplyFacts = {}): WireReply {
  return [requestId, REPLY_ERROR, ...refusalToWire(refusal, facts)];
}

/** `[code, retryable, message, leader, retryAfterMs, limit, fact]` */
export function refusalToWire(
  { code, message, retryable }: WireRefusal,
  facts: ReplyFacts,
): readonly unknown[] {
  const fact = factOfErrorCode(code);
  return [
    wireOfErrorCode(code),
    retryable,
    message,
    leaderToWire(facts.leader ?? null),
    facts.retryAfterMs ?? null,
    facts.limit ?? null,
    fact === null ? null : (facts[fact] ?? null),
  ];
}

/** Encodes replies into as few frames of at most `frameBytes` as it takes, in order; usually one. */
export function encodeReplies(replies: readonly WireReply[], frameBytes: number): readonly PackedFrame[] {
  let bytes = 0;
  for (const reply of replies) bytes += replyBytes(reply);
  if (bytes <= frameBytes) return replies.length === 0 ? [] : [pack([NODE_FRAME_REPLIES, replies])];
  const frames: PackedFrame[] = [];
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

/** An upper bound of what a reply takes in a frame, in bytes. */
export function replyBytes(reply: WireReply): number {
  if (reply[1] === Op.put && reply.length === 3) return REQUEST_OVERHEAD_BYTES;
  if (reply[1] === Op.get) {
    return reply.length === 3
      ? REQUEST_OVERHEAD_BYTES
      : (reply[3] as Uint8Array).length + REQUEST_OVERHEAD_BYTES;
  }
  return packedBytesMax(reply) + REQUEST_OVERHEAD_BYTES;
}

/** Tells a client who leads now, unasked: sent on every connection when the node's view changes. */
export function encodeLeaderNotice(leader: LeaderHint | null): PackedFrame {
  return pack([NODE_FRAME_LEADER, leaderToWire(leader)]);
}

/** Tells a client where the members are that serve clients: sent on every connection when that changes. */
export function encodeMembersNotice(members: readonly MemberAddress[]): PackedFrame {
  return pack([NODE_FRAME_MEMBERS, addressesToWire(members)]);
}

function previousToWire(previous: KeyValue | null): unknown {
  return previous === null ? null : keyValueToWire(previous);
}

function foundToWire({ more, count, entries }: RangeFound): readonly unknown[] {
  return [more, count, entries.map(keyValueToWire)];
}

function txnResultToWire({ succeeded, results }: TxnResult): readonly unknown[] {
  return [succeeded, results.map(opResultToWire)];
}

function opResultToWire(result: TxnOpResult): readonly unknown[] {
  switch (result.kind) {
    case "put":
      return [Op.put, previousToWire(result.previous)];
    case "delete":
      return [Op.delete, result.deleted, result.previous.map(keyValueToWire)];
    case "get":
      return [Op.range, ...foundToWire(result)];
    case "txn":
      return [Op.txn, ...txnResultToWire(result)];
  }
}
