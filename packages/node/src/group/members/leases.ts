import type { LeaderLeases } from "@raftkv/protocol";
import type { LeaseSettings, RaftStatus } from "raft-ts";
import type { RequestRefusal } from "../log-proposal.js";
import { unavailable } from "../refusals.js";

/** Leader leases as an operator wants them; null: none. */
export interface LeasesWish {
  readonly kind: "leases";
  readonly lease: LeaseSettings | null;
}

/** The format of the log from which on members give the core a clock, and so keep the promises that leases rest on. */
const LEASES_FORMAT = 3;

/** What is known of the log's format: the one in force, and the newest that every member understands. Null: nobody can say now. */
export interface KnownFormats {
  readonly inForce: number | null;
  readonly ofAll: number | null;
}

/** Why leases cannot be switched on now. A member that goes back to an older version would forget what it promised (R8). */
export function leasesRefusal({ inForce, ofAll }: KnownFormats): RequestRefusal | null {
  if (inForce !== null && inForce >= LEASES_FORMAT) return null;
  if (ofAll !== null && ofAll < LEASES_FORMAT) {
    const message = `leases need members that understand format ${LEASES_FORMAT} of the log, and one understands formats up to ${ofAll}: upgrade it first`;
    return { code: "LEASES_REFUSED", message };
  }
  return unavailable(
    `leases need format ${LEASES_FORMAT} of the log, which is in force once every member was reached and understands it`,
  );
}

export function isSameLease(a: LeaseSettings | null, b: LeaseSettings | null): boolean {
  return a?.electionTimeoutMicros === b?.electionTimeoutMicros && a?.marginPercent === b?.marginPercent;
}

/** As this server knows them; nobody but the leader has a lease. */
export function leasesOf(status: RaftStatus, nowMicros: number): LeaderLeases {
  const lease = status.configuration.lease ?? null;
  const { leaseEndMicros } = status;
  return {
    settings:
      lease === null
        ? null
        : {
            electionTimeoutMs: Math.round(lease.electionTimeoutMicros / 1000),
            marginPercent: lease.marginPercent,
          },
    remainingMs: leaseEndMicros === null ? 0 : Math.max(0, Math.floor((leaseEndMicros - nowMicros) / 1000)),
  };
}
