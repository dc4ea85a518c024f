import { rangeToWire } from "./key-range.js";
import type { KeyRange } from "./key-range.js";
import { REQUEST_OVERHEAD_BYTES } from "./limits.js";
import { pack } from "./frame-writer.js";
import type { PackedFrame } from "./frame-writer.js";
import { packedBytesMax } from "./msgpack.js";
import {
  CLIENT_FRAME_REQUESTS,
  Op,
  WATCH_NO_DELETE,
  WATCH_NO_PUT,
  WATCH_PROGRESS,
  WATCH_WANTS_PREVIOUS,
  WRITE_WANTS_PREVIOUS,
} from "./op.js";
import type { RangeRequest, RouteChange, SessionPlace, WatchRequest } from "./request.js";
import type { Txn } from "./transaction.js";
import { selectionFlags, selectionOrder, txnOperations, txnToWire } from "./transaction-encode.js";

/** A request in the form that travels: its number, its operation, its deadline, and what the operation needs. */
export type WireRequest = [id: number, op: Op, deadlineMs: number, ...fields: unknown[]];

export function putRequest(
  id: number,
  deadlineMs: number,
  key: Uint8Array,
  value: Uint8Array,
  lease = 0,
  wantPrevious = false,
): WireRequest {
  return [id, Op.put, deadlineMs, key, value, lease, wantPrevious ? WRITE_WANTS_PREVIOUS : 0];
}

export function getRequest(
  id: number,
  deadlineMs: number,
  key: Uint8Array,
  linearizable: boolean,
  revision = 0,
): WireRequest {
  return [id, Op.get, deadlineMs, key, linearizable ? 0 : 1, revision];
}

/** Deletes one key. */
export function deleteRequest(
  id: number,
  deadlineMs: number,
  key: Uint8Array,
  wantPrevious = false,
): WireRequest {
  return [id, Op.delete, deadlineMs, key, null, wantPrevious ? WRITE_WANTS_PREVIOUS : 0];
}

export function deleteRangeRequest(
  id: number,
  deadlineMs: number,
  range: KeyRange,
  wantPrevious = false,
): WireRequest {
  const [start, end] = rangeToWire(range);
  return [id, Op.delete, deadlineMs, start, end, wantPrevious ? WRITE_WANTS_PREVIOUS : 0];
}

export function rangeRequest(
  id: number,
  deadlineMs: number,
  query: Omit<RangeRequest, "requestId" | "op" | "deadlineMs">,
): WireRequest {
  const [start, end] = rangeToWire(query.range);
  return [
    id,
    Op.range,
    deadlineMs,
    start,
    end,
    query.linearizable ? 0 : 1,
    query.revision,
    query.limit,
    selectionOrder(query),
    selectionFlags(query),
    query.minModRevision,
    query.maxModRevision,
    query.minCreateRevision,
    query.maxCreateRevision,
  ];
}

/** @param predecessor the number of the write in this session that must come before; 0: none. */
export function txnRequest(id: number, deadlineMs: number, txn: Txn, predecessor = 0): WireRequest {
  return [id, Op.txn, deadlineMs, predecessor, ...txnToWire(txn)];
}

export function leaseGrantRequest(id: number, deadlineMs: number, ttlMs: number): WireRequest {
  return [id, Op.leaseGrant, deadlineMs, ttlMs];
}

export function leaseRevokeRequest(id: number, deadlineMs: number, lease: number): WireRequest {
  return [id, Op.leaseRevoke, deadlineMs, lease];
}

export function leaseKeepAliveRequest(
  id: number,
  deadlineMs: number,
  leases: readonly number[],
): WireRequest {
  return [id, Op.leaseKeepAlive, deadlineMs, leases];
}

export function leaseTimeToLiveRequest(
  id: number,
  deadlineMs: number,
  lease: number,
  withKeys: boolean,
): WireRequest {
  return [id, Op.leaseTimeToLive, deadlineMs, lease, withKeys];
}

export function leaseListRequest(id: number, deadlineMs: number): WireRequest {
  return [id, Op.leaseList, deadlineMs];
}

export function sessionOpenRequest(id: number, deadlineMs: number, ttlMs: number): WireRequest {
  return [id, Op.sessionOpen, deadlineMs, ttlMs];
}

/** Of the frame's session, as `sessionKeepAliveRequest`. */
export function sessionCloseRequest(id: number, deadlineMs: number): WireRequest {
  return [id, Op.sessionClose, deadlineMs];
}

export function sessionKeepAliveRequest(id: number, deadlineMs: number): WireRequest {
  return [id, Op.sessionKeepAlive, deadlineMs];
}

export function compactRequest(id: number, deadlineMs: number, revision: number): WireRequest {
  return [id, Op.compact, deadlineMs, revision];
}

export function catalogRequest(id: number, deadlineMs: number): WireRequest {
  return [id, Op.catalog, deadlineMs];
}

export function catalogChangeRequest(
  id: number,
  deadlineMs: number,
  expectedVersion: number,
  routes: readonly RouteChange[],
): WireRequest {
  const wire = routes.map(({ routeId, start, end, groupId }) => [routeId, start, end, groupId]);
  return [id, Op.catalogChange, deadlineMs, expectedVersion, wire];
}

export function watchRequest(
  id: number,
  deadlineMs: number,
  watch: Omit<WatchRequest, "requestId" | "op" | "deadlineMs">,
): WireRequest {
  const flags =
    (watch.wantPrevious ? WATCH_WANTS_PREVIOUS : 0) +
    (watch.noPut ? WATCH_NO_PUT : 0) +
    (watch.noDelete ? WATCH_NO_DELETE : 0) +
    (watch.progress ? WATCH_PROGRESS : 0);
  const [start, end] = rangeToWire(watch.range);
  return [id, Op.watch, deadlineMs, watch.watchId, start, end, watch.fromRevision, flags];
}

export function watchCancelRequest(id: number, deadlineMs: number, watchId: number): WireRequest {
  return [id, Op.watchCancel, deadlineMs, watchId];
}

/** An upper bound of what a request takes in a frame, in bytes. */
export function requestBytes(request: WireRequest): number {
  const key = request[3];
  if (request[1] === Op.put)
    return (key as Uint8Array).length + (request[4] as Uint8Array).length + REQUEST_OVERHEAD_BYTES;
  if (request[1] === Op.get) return (key as Uint8Array).length + REQUEST_OVERHEAD_BYTES;
  return packedBytesMax(request) + REQUEST_OVERHEAD_BYTES;
}

/** What a request counts for in the limit `frameRequests`: itself, and the operations in it. */
export function requestWeight(request: WireRequest): number {
  switch (request[1]) {
    case Op.txn:
      return 1 + txnOperations(request.slice(4));
    case Op.leaseKeepAlive:
      return 1 + (request[3] as readonly unknown[]).length;
    case Op.catalogChange:
      return 1 + (request[4] as readonly unknown[]).length;
    default:
      return 1;
  }
}

/** Encodes one frame. Writes in it belong to `session`, or to none. */
export function encodeRequests(
  requests: readonly WireRequest[],
  session: SessionPlace | null = null,
): PackedFrame {
  const place = session === null ? null : [session.session, session.answeredBelow];
  return pack([CLIENT_FRAME_REQUESTS, place, requests]);
}
