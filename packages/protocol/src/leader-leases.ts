import { ProtocolError } from "./errors.js";
import { count, describe, tuple } from "./msgpack.js";
import { Op } from "./op.js";
import type { WireReply } from "./reply-encode.js";
import type { WireRequest } from "./request-encode.js";
import { wantCount } from "./request-fault.js";

/** The margin of leases that are switched on without one, in percent. Two clocks that run apart by a tenth are covered. */
export const LEASE_MARGIN_PERCENT = 20;
/** Beyond it hardly anything would be left of a lease. */
export const LEASE_MARGIN_PERCENT_MAX = 90;

/** Whether the leader answers reads by leases, without asking a majority, and how long they last (R19). */
export interface LeaderLeases {
  /** Null: leases are not used. */
  readonly settings: LeaderLeaseSettings | null;
  /** How long the lease lasts that the leader has now, in milliseconds; 0: it has none at this moment. */
  readonly remainingMs: number;
}

export interface LeaderLeaseSettings {
  /** For so long a member that heard its leader keeps it, in milliseconds. */
  readonly electionTimeoutMs: number;
  /** The part of that time by which a lease ends earlier, in percent: for clocks that drift. */
  readonly marginPercent: number;
}

export function leaderLeasesShowRequest(id: number, deadlineMs: number): WireRequest {
  return [id, Op.leaderLeasesShow, deadlineMs];
}

/** @param marginPercent 1 to LEASE_MARGIN_PERCENT_MAX switches leases on, null off. */
export function leaderLeasesSetRequest(
  id: number,
  deadlineMs: number,
  marginPercent: number | null,
): WireRequest {
  return [id, Op.leaderLeasesSet, deadlineMs, marginPercent ?? 0];
}

/** @throws {RequestFault} */
export function marginOf(fields: readonly unknown[]): number | null {
  const margin = wantCount(fields[3], "the margin", LEASE_MARGIN_PERCENT_MAX);
  return margin === 0 ? null : margin;
}

export function leaderLeasesShowReply(requestId: number, leases: LeaderLeases): WireReply {
  return [requestId, Op.leaderLeasesShow, ...toWire(leases)];
}

/** @param leases as they are behind the change. */
export function leaderLeasesSetReply(requestId: number, leases: LeaderLeases): WireReply {
  return [requestId, Op.leaderLeasesSet, ...toWire(leases)];
}

/** @throws {ProtocolError} it tells of no leases. */
export function leaderLeasesFromWire(reply: readonly unknown[]): LeaderLeases {
  const [, , electionTimeoutMs, marginPercent, remainingMs] = tuple(reply, 5, "the leader's leases");
  const margin = count(marginPercent, "the margin");
  if (margin > LEASE_MARGIN_PERCENT_MAX)
    throw new ProtocolError(`the margin is ${describe(margin)}: 0 to ${LEASE_MARGIN_PERCENT_MAX} are known`);
  return {
    settings:
      margin === 0
        ? null
        : { electionTimeoutMs: count(electionTimeoutMs, "the election timeout"), marginPercent: margin },
    remainingMs: count(remainingMs, "what is left of the lease"),
  };
}

function toWire({ remainingMs, settings }: LeaderLeases): readonly [number, number, number] {
  return [settings?.electionTimeoutMs ?? 0, settings?.marginPercent ?? 0, remainingMs];
}
