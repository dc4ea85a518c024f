import type { ErrorReply } from "@raftkv/protocol";
import { backoffMs } from "./backoff.js";
import type { PendingRequest } from "./pending-request.js";

/** For refusals that are retryable, but name no time. */
const RETRY_MS = { first: 10, last: 500 };

/** A node that asks for more than this gets this: it comes from outside, and ends in a timer (C6, J). */
const WAIT_MS_MAX = 10_000;

/** Delays are rounded up to this, for the sake of few lists in `Timeouts`. */
const DELAY_STEP_MS = 8;

/** What a request has behind it, as far as that decides how it goes on. */
export type Standing = Readonly<Pick<PendingRequest, "isOpen" | "refusals">> & {
  readonly isWrite: boolean;
  /** It stands in a session: a copy more does nothing (F3). */
  readonly inSession: boolean;
  readonly inChain: boolean;
};

export type Verdict =
  /** The caller gets the refusal. */
  | { readonly kind: "give up" }
  /** The caller gets OUTCOME_UNKNOWN: this copy did nothing, another one may have. */
  | { readonly kind: "unknown" }
  /** The node cannot serve, another may: ask whoever is right now, as soon as there is somebody. */
  | { readonly kind: "reroute" }
  /** Its session is gone, and nothing was done: as a new request, in another one. */
  | { readonly kind: "new session" }
  /** The one before it was not carried out yet: behind that. */
  | { readonly kind: "behind" }
  | { readonly kind: "later"; readonly delayMs: number };

/**
 * What becomes of a request that a node refused (C1). A refusal promises that this copy did nothing, so sending the
 * request again is safe, for writes as well; but for OUTCOME_UNKNOWN, which only a read and a write in a session
 * outlive.
 */
export function afterRefusal(reply: ErrorReply, standing: Standing): Verdict {
  const { isWrite, inSession } = standing;
  switch (reply.code) {
    case "NOT_LEADER":
    case "UNAVAILABLE":
      return { kind: "reroute" };
    case "OUTCOME_UNKNOWN":
      if (!isWrite) return later(reply, standing);
      // With a revision it was carried out, and the answer was too large to be kept.
      return { kind: inSession && reply.revision === null ? "reroute" : "give up" };
    case "OUT_OF_ORDER":
    case "PREDECESSOR_FAILED":
      return { kind: standing.inChain ? "behind" : "give up" };
    case "SESSION_EXPIRED":
      if (!isWrite || !inSession) return { kind: "give up" };
      if (standing.isOpen) return { kind: "unknown" };
      // In another session an appender's batch would lose its place.
      return { kind: standing.inChain ? "give up" : "new session" };
    case "INVALID_ARGUMENT":
    case "TOO_LARGE":
      // Judged by this node before it looked whether the request was carried out, and another may judge otherwise.
      return { kind: standing.isOpen ? "unknown" : "give up" };
    default:
      return reply.retryable ? later(reply, standing) : { kind: "give up" };
  }
}

function later(reply: ErrorReply, { refusals }: Standing): Verdict {
  const delayMs = wantedWaitMs(reply) ?? backoffMs(refusals, RETRY_MS);
  return { kind: "later", delayMs: Math.ceil(delayMs / DELAY_STEP_MS) * DELAY_STEP_MS };
}

/**
 * The wait that a refusal asks for, and up to as much again, so that those refused together do not come back
 * together. Null when it asks for none.
 */
export function wantedWaitMs(reply: Pick<ErrorReply, "retryAfterMs">): number | null {
  if (reply.retryAfterMs === null) return null;
  return Math.min(reply.retryAfterMs, WAIT_MS_MAX) * (1 + Math.random());
}
