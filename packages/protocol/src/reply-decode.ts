import { errorCodeOfWire, factOfErrorCode } from "./error-codes.js";
import { ProtocolError } from "./errors.js";
import type { LeaderHint } from "./errors.js";
import { bytes, keyValuesFromWire, list, previousFromWire } from "./key-value.js";
import { leaderFromWire } from "./leader.js";
import { leaderLeasesFromWire } from "./leader-leases.js";
import { addressesFromWire, membersFromWire, newLeaderFromWire } from "./members.js";
import type { MemberAddress } from "./members.js";
import { count, describe, isCount, text, tuple, unpackArray } from "./msgpack.js";
import {
  NODE_FRAME_EVENTS,
  NODE_FRAME_LEADER,
  NODE_FRAME_MEMBERS,
  NODE_FRAME_REPLIES,
  NODE_FRAME_WATCH_END,
  Op,
  REPLY_ERROR,
} from "./op.js";
import type {
  ErrorReply,
  GetReply,
  RangeFound,
  Refusal,
  Reply,
  Route,
  TxnOpResult,
  TxnResult,
} from "./reply.js";
import { usualReplies } from "./usual-frames.js";
import { watchEventsFromWire } from "./watch-frame.js";
import type { WatchEvents } from "./watch-frame.js";

export type NodeFrame =
  | { readonly kind: "replies"; readonly replies: readonly Reply[] }
  /** Who leads has changed, as this node sees it; null when it knows of no leader now. */
  | { readonly kind: "leader"; readonly leader: LeaderHint | null }
  /** Where the members are that serve clients, whenever that changes. */
  | { readonly kind: "members"; readonly members: readonly MemberAddress[] }
  | ({ readonly kind: "events" } & WatchEvents)
  /** The node ended a watch. */
  | { readonly kind: "watchEnd"; readonly watchId: number; readonly refusal: Refusal };

/**
 * Decodes one frame from a node (C6). Bytes in it are views of `frameBytes`.
 * @throws {ProtocolError} it is none: the connection must be cut.
 */
export function decodeNodeFrame(frameBytes: Buffer): NodeFrame {
  const usual = usualReplies(frameBytes);
  if (usual !== null) return { kind: "replies", replies: usual };
  const frame = unpackArray(frameBytes);
  switch (frame[0]) {
    case NODE_FRAME_REPLIES: {
      tuple(frame, 2, "a frame of replies");
      const replies: Reply[] = [];
      for (const item of list(frame[1], "the replies")) replies.push(toReply(item));
      return { kind: "replies", replies };
    }
    case NODE_FRAME_LEADER:
      tuple(frame, 2, "a leader notice");
      return { kind: "leader", leader: leaderFromWire(frame[1]) };
    case NODE_FRAME_MEMBERS:
      tuple(frame, 2, "a notice of the members");
      return { kind: "members", members: addressesFromWire(frame[1]) };
    case NODE_FRAME_EVENTS:
      return { kind: "events", ...watchEventsFromWire(frame) };
    case NODE_FRAME_WATCH_END: {
      tuple(frame, 3, "the end of a watch");
      const refusal = toRefusal(tuple(frame[2], 7, "why a watch ended"), 0);
      return { kind: "watchEnd", watchId: count(frame[1], "the watch"), refusal };
    }
    default:
      throw new ProtocolError(`a frame from a node begins with ${describe(frame[0])}: 1 to 5 are known`);
  }
}

function toReply(item: unknown): Reply {
  if (!Array.isArray(item)) throw new ProtocolError(`a reply is ${describe(item)}: an array is wanted`);
  const fields = item as readonly unknown[];
  const requestId = count(fields[0], "a reply's number");
  switch (fields[1]) {
    case Op.put: {
      const hasPrevious = fields.length === 4;
      if (!hasPrevious) tuple(fields, 3, "the reply to a put");
      const previous = hasPrevious ? previousFromWire(fields[3]) : null;
      return { requestId, op: Op.put, revision: count(fields[2], "the revision"), previous };
    }
    case Op.get:
      return toGetReply(requestId, fields);
    case Op.delete: {
      tuple(fields, 5, "the reply to a delete");
      return {
        requestId,
        op: Op.delete,
        revision: count(fields[2], "the revision"),
        deleted: count(fields[3], "the number of deleted keys"),
        previous: keyValuesFromWire(fields[4]),
      };
    }
    case Op.range: {
      tuple(fields, 6, "the reply to a range");
      const revision = count(fields[2], "the revision");
      return { requestId, op: Op.range, revision, ...toFound(fields, 3) };
    }
    case Op.txn: {
      tuple(fields, 5, "the reply to a transaction");
      const revision = count(fields[2], "the revision");
      return { requestId, op: Op.txn, revision, ...toTxnResult(fields, 3) };
    }
    case REPLY_ERROR:
      return toErrorReply(requestId, fields);
    default:
      return toRareReply(requestId, fields);
  }
}

/** Replies that are not about keys. */
function toRareReply(requestId: number, fields: readonly unknown[]): Reply {
  const op = fields[1];
  switch (op) {
    case Op.leaseGrant: {
      tuple(fields, 4, "the reply to a lease's grant");
      return { requestId, op, lease: count(fields[2], "the lease"), ttlMs: toTtl(fields[3]) };
    }
    case Op.leaseRevoke:
      tuple(fields, 4, "the reply to a lease's end");
      return {
        requestId,
        op,
        revision: count(fields[2], "the revision"),
        deleted: count(fields[3], "the number of deleted keys"),
      };
    case Op.leaseKeepAlive: {
      tuple(fields, 3, "the reply to a keep-alive");
      return { requestId, op, ttlsMs: list(fields[2], "the times to live").map(toTtl) };
    }
    case Op.leaseTimeToLive: {
      tuple(fields, 5, "the reply to a question after a lease");
      const keys = list(fields[4], "the keys").map((key) => bytes(key, "a key"));
      return { requestId, op, ttlMs: toTtl(fields[2]), remainingMs: toTtl(fields[3]), keys };
    }
    case Op.leaseList: {
      tuple(fields, 3, "the list of leases");
      const leases = list(fields[2], "the leases").map((item) => {
        const [lease, ttlMs, remainingMs] = tuple(item, 3, "a lease");
        return { lease: count(lease, "a lease"), ttlMs: toTtl(ttlMs), remainingMs: toTtl(remainingMs) };
      });
      return { requestId, op, leases };
    }
    case Op.sessionOpen: {
      tuple(fields, 4, "the reply to a session's opening");
      return { requestId, op, session: count(fields[2], "the session"), ttlMs: toTtl(fields[3]) };
    }
    case Op.sessionKeepAlive:
      tuple(fields, 3, "the reply to a session's keep-alive");
      return { requestId, op, ttlMs: toTtl(fields[2]) };
    case Op.compact:
      tuple(fields, 3, "the reply to a compaction");
      return { requestId, op, floor: count(fields[2], "the floor") };
    case Op.catalog: {
      tuple(fields, 4, "the catalog");
      const routes = list(fields[3], "the routes").map(toRoute);
      return { requestId, op, version: count(fields[2], "the catalog's version"), routes };
    }
    case Op.catalogChange:
      tuple(fields, 3, "the reply to a change of the catalog");
      return { requestId, op, version: count(fields[2], "the catalog's version") };
    case Op.watch:
      tuple(fields, 3, "the reply to a watch");
      return { requestId, op, revision: count(fields[2], "the revision") };
    case Op.memberList:
    case Op.memberChange:
      tuple(fields, 3, "the members");
      return { requestId, op, members: membersFromWire(fields[2]) };
    case Op.leaderTransfer:
      tuple(fields, 3, "the reply to a transfer of leadership");
      return { requestId, op, leader: newLeaderFromWire(fields[2]) };
    case Op.leaderLeasesShow:
    case Op.leaderLeasesSet:
      return { requestId, op, leases: leaderLeasesFromWire(fields) };
    case Op.sessionClose:
    case Op.watchCancel:
      tuple(fields, 2, "a reply of two fields");
      return { requestId, op };
    default:
      throw new ProtocolError(`a reply's operation is ${describe(op)}: 0 to 23 are known`);
  }
}

function toGetReply(requestId: number, fields: readonly unknown[]): GetReply {
  const revision = count(fields[2], "the revision");
  if (fields.length === 3) {
    const none = { value: null, createRevision: 0, modRevision: 0, version: 0, lease: 0 };
    return { requestId, op: Op.get, revision, ...none };
  }
  tuple(fields, 8, "the reply to a get");
  return {
    requestId,
    op: Op.get,
    revision,
    value: bytes(fields[3], "the value"),
    createRevision: count(fields[4], "the create revision"),
    modRevision: count(fields[5], "the modify revision"),
    version: count(fields[6], "the version"),
    lease: count(fields[7], "the lease"),
  };
}

/** Reads `more`, the count and the entries, which stand from `at` on. */
function toFound(fields: readonly unknown[], at: number): RangeFound {
  const total = fields[at + 1];
  return {
    entries: keyValuesFromWire(fields[at + 2]),
    more: toBoolean(fields[at], "whether there is more"),
    count: total === null ? null : count(total, "the number of keys"),
  };
}

/** Reads whether it succeeded, and the results, which stand from `at` on. The frame's depth bounds the nesting. */
function toTxnResult(fields: readonly unknown[], at: number): TxnResult {
  const results = list(fields[at + 1], "the results").map(toOpResult);
  return { succeeded: toBoolean(fields[at], "whether it succeeded"), results };
}

function toOpResult(item: unknown): TxnOpResult {
  const fields = list(item, "a result's fields");
  switch (fields[0]) {
    case Op.put:
      tuple(fields, 2, "the result of a put");
      return { kind: "put", previous: previousFromWire(fields[1]) };
    case Op.delete: {
      tuple(fields, 3, "the result of a delete");
      const deleted = count(fields[1], "the number of deleted keys");
      return { kind: "delete", deleted, previous: keyValuesFromWire(fields[2]) };
    }
    case Op.range:
      tuple(fields, 4, "the result of a range");
      return { kind: "get", ...toFound(fields, 1) };
    case Op.txn:
      tuple(fields, 3, "the result of a transaction");
      return { kind: "txn", ...toTxnResult(fields, 1) };
    default:
      throw new ProtocolError(`a result is of operation ${describe(fields[0])}: 1, 3, 4 and 5 are known`);
  }
}

function toErrorReply(requestId: number, fields: readonly unknown[]): ErrorReply {
  tuple(fields, 9, "an error reply");
  return { requestId, op: REPLY_ERROR, ...toRefusal(fields, 2) };
}

/** Reads the seven fields of a refusal, which stand from `at` on. */
function toRefusal(fields: readonly unknown[], at: number): Refusal {
  const wire = fields[at];
  const code = isCount(wire) ? errorCodeOfWire(wire) : null;
  if (code === null) throw new ProtocolError(`an error's code is ${describe(wire)}, which is none`);
  const fact = factOfErrorCode(code);
  const none = { floor: null, revision: null, lease: null, version: null };
  return {
    code,
    retryable: toBoolean(fields[at + 1], "retryable"),
    message: text(fields[at + 2], "an error's message"),
    leader: leaderFromWire(fields[at + 3]),
    retryAfterMs: countOrNull(fields[at + 4], "retryAfterMs"),
    limit: countOrNull(fields[at + 5], "the limit"),
    ...none,
    ...(fact === null ? {} : { [fact]: countOrNull(fields[at + 6], `the ${fact}`) }),
  };
}

function toRoute(item: unknown): Route {
  const [routeId, start, end, groupId, version] = tuple(item, 5, "a route");
  return {
    routeId: count(routeId, "a route's id"),
    start: bytes(start, "a route's start"),
    end: end === null ? null : bytes(end, "a route's end"),
    groupId: count(groupId, "a route's group"),
    version: count(version, "a route's version"),
  };
}

function toTtl(value: unknown): number {
  return count(value, "a time to live");
}

function toBoolean(value: unknown, name: string): boolean {
  if (typeof value === "boolean") return value;
  throw new ProtocolError(`${name} is ${describe(value)}: a boolean is wanted`);
}

function countOrNull(value: unknown, name: string): number | null {
  return value === null ? null : count(value, name);
}
