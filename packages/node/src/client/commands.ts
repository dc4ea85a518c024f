import { NO_SESSION } from "@raftkv/fsm";
import type { Command, Envelope } from "@raftkv/fsm";
import { Op } from "@raftkv/protocol";
import type {
  CatalogChangeRequest,
  CompactRequest,
  DeleteRequest,
  LeaseGrantRequest,
  LeaseKeepAliveRequest,
  LeaseRevokeRequest,
  PutRequest,
  SessionCloseRequest,
  SessionKeepAliveRequest,
  SessionOpenRequest,
  SessionPlace,
  TxnRequest,
} from "@raftkv/protocol";

/** What goes through the log. */
export type WriteRequest =
  | PutRequest
  | DeleteRequest
  | TxnRequest
  | LeaseGrantRequest
  | LeaseRevokeRequest
  | LeaseKeepAliveRequest
  | SessionOpenRequest
  | SessionCloseRequest
  | SessionKeepAliveRequest
  | CompactRequest
  | CatalogChangeRequest;

/** Views of the network's buffer are good until the turn ends, when the command is encoded into the log's entry (J). */
export function commandOf(request: WriteRequest): Command {
  switch (request.op) {
    case Op.put: {
      const { key, value, lease, wantPrevious } = request;
      return { kind: "put", key, value, lease, wantPrevious };
    }
    case Op.delete:
      return { kind: "delete", range: request.range, wantPrevious: request.wantPrevious };
    case Op.txn:
      return { kind: "txn", compares: request.compares, then: request.then, else: request.else };
    case Op.leaseGrant:
      return { kind: "leaseGrant", ttlMs: request.ttlMs };
    case Op.leaseRevoke:
      return { kind: "leaseRevoke", lease: request.lease };
    case Op.leaseKeepAlive:
      return { kind: "leaseKeepAlive", leases: request.leases };
    case Op.sessionOpen:
      return { kind: "sessionOpen", ttlMs: request.ttlMs };
    case Op.sessionClose:
      return { kind: "sessionClose" };
    case Op.sessionKeepAlive:
      return { kind: "sessionKeepAlive" };
    case Op.compact:
      return { kind: "compact", revision: request.revision };
    case Op.catalogChange:
      return { kind: "catalogChange", expectedVersion: request.expectedVersion, routes: request.routes };
  }
}

/**
 * Where a write stands in its session (F3). What may be done twice without harm has no number there, so nothing of it is
 * kept; keep-alives of leases and the opening of a session take no notice of the frame's session at all.
 */
export function envelopeOf(request: WriteRequest, place: SessionPlace | null): Envelope {
  if (place === null) return NO_SESSION;
  const { session, answeredBelow } = place;
  switch (request.op) {
    case Op.leaseKeepAlive:
    case Op.sessionOpen:
      return NO_SESSION;
    case Op.sessionClose:
    case Op.sessionKeepAlive:
      return { session, number: 0, answeredBelow, predecessor: 0 };
    case Op.txn:
      return { session, number: request.requestId, answeredBelow, predecessor: request.predecessor };
    default:
      return { session, number: request.requestId, answeredBelow, predecessor: 0 };
  }
}

/** What is wrong with a write that comes without a session; null when it needs none. */
export function needOfSession(request: WriteRequest): string | null {
  if (request.op === Op.sessionClose || request.op === Op.sessionKeepAlive) {
    return "the frame names no session, and this is about one";
  }
  return request.op === Op.txn && request.predecessor !== 0
    ? "a predecessor is a write of the same session, and the frame names none"
    : null;
}
