import {
  Op,
  catalogChangeRequest,
  catalogRequest,
  compactRequest,
  leaseGrantRequest,
  leaseKeepAliveRequest,
  leaseListRequest,
  leaseRevokeRequest,
  leaseTimeToLiveRequest,
  sessionKeepAliveRequest,
  sessionOpenRequest,
} from "@raftkv/protocol";
import type { ErrorReply, RaftKvError, Reply, RouteChange, WireRequest } from "@raftkv/protocol";
import type { Route } from "../leader-finder.js";
import type { Call } from "./call.js";

type Answer = Exclude<Reply, ErrorReply>;

/** A call of which there are never many, put together from its parts. */
class RareCall implements Call {
  readonly op: Op;
  readonly isWrite: boolean;
  readonly #request: (id: number, deadlineMs: number) => WireRequest;
  readonly #result: (reply: Answer) => unknown;

  constructor(
    op: Op,
    isWrite: boolean,
    request: (id: number, deadlineMs: number) => WireRequest,
    result: (reply: Answer) => unknown,
  ) {
    this.op = op;
    this.isWrite = isWrite;
    this.#request = request;
    this.#result = result;
  }

  /** Leases, sessions and the catalog are the leader's, to ask about as well. */
  get route(): Route {
    return "write";
  }

  get isIdempotent(): boolean {
    return false;
  }

  fault(): RaftKvError | null {
    return null;
  }

  toWire(id: number, deadlineMs: number): WireRequest {
    return this.#request(id, deadlineMs);
  }

  resultOf(reply: Answer): unknown {
    return reply.op === this.op ? this.#result(reply) : undefined;
  }
}

/** The reply's fields, without what belongs to the protocol alone. */
function fieldsOf(reply: Answer): unknown {
  const { requestId: _id, op: _op, ...fields } = reply;
  return fields;
}

export function leaseGrantCall(ttlMs: number): Call {
  return new RareCall(Op.leaseGrant, true, (id, ms) => leaseGrantRequest(id, ms, ttlMs), fieldsOf);
}

export function leaseRevokeCall(lease: number): Call {
  return new RareCall(Op.leaseRevoke, true, (id, ms) => leaseRevokeRequest(id, ms, lease), fieldsOf);
}

/** Done twice it does no more than done once, so it is no write to be careful with. */
export function leaseKeepAliveCall(leases: readonly number[]): Call {
  return new RareCall(Op.leaseKeepAlive, false, (id, ms) => leaseKeepAliveRequest(id, ms, leases), fieldsOf);
}

export function leaseTimeToLiveCall(lease: number, keys: (bytes: Uint8Array) => unknown): Call {
  return new RareCall(
    Op.leaseTimeToLive,
    false,
    (id, ms) => leaseTimeToLiveRequest(id, ms, lease, true),
    (reply) => {
      if (reply.op !== Op.leaseTimeToLive) return undefined;
      const { ttlMs, remainingMs } = reply;
      return { lease, ttlMs, remainingMs, keys: reply.keys.map(keys) };
    },
  );
}

export function leaseListCall(): Call {
  const result = (reply: Answer): unknown => (reply.op === Op.leaseList ? reply.leases : undefined);
  return new RareCall(Op.leaseList, false, leaseListRequest, result);
}

/** One that is opened twice leaves a session that nobody uses, and which expires. */
export function sessionOpenCall(ttlMs: number): Call {
  return new RareCall(Op.sessionOpen, false, (id, ms) => sessionOpenRequest(id, ms, ttlMs), fieldsOf);
}

export function sessionKeepAliveCall(): Call {
  return new RareCall(Op.sessionKeepAlive, false, sessionKeepAliveRequest, fieldsOf);
}

export function compactCall(revision: number): Call {
  return new RareCall(Op.compact, true, (id, ms) => compactRequest(id, ms, revision), fieldsOf);
}

export function catalogCall(): Call {
  return new RareCall(Op.catalog, false, catalogRequest, fieldsOf);
}

export function catalogChangeCall(expectedVersion: number, routes: readonly RouteChange[]): Call {
  const request = (id: number, ms: number): WireRequest =>
    catalogChangeRequest(id, ms, expectedVersion, routes);
  return new RareCall(Op.catalogChange, true, request, fieldsOf);
}
