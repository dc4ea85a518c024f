import type { ErrorReply } from "@raftkv/protocol";
import { backoffMs } from "./backoff.js";

/** For refusals that are retryable, but name no time. */
const RETRY_MS = { first: 10, last: 500 };

/** A node that asks for more than this gets this: it comes from outside, and ends in a timer (C6, J). */
const WAIT_MS_MAX = 10_000;

/** Delays are rounded up to this, for the sake of few lists in `Timeouts`. */
const DELAY_STEP_MS = 8;

export type Verdict =
  /** The caller gets the refusal. */
  | { readonly kind: "give up" }
  /** The node cannot serve, another may: ask whoever is right now, as soon as there is somebody. */
  | { readonly kind: "reroute" }
  | { readonly kind: "later"; readonly delayMs: number };

/**
 * What becomes of a request that a node refused (C1). A refusal promises that nothing was done, so sending the
 * request again is safe, for writes as well; but for OUTCOME_UNKNOWN, which only a read outlives.
 * @param refusals how often this request was refused before.
 */
export function afterRefusal(reply: ErrorReply, isWrite: boolean, refusals: number): Verdict {
  if (reply.code === "NOT_LEADER" || reply.code === "UNAVAILABLE") return { kind: "reroute" };
  const maySend = reply.code === "OUTCOME_UNKNOWN" ? !isWrite : reply.retryable;
  if (!maySend) return { kind: "give up" };
  const delayMs = wantedWaitMs(reply) ?? backoffMs(refusals, RETRY_MS);
  return { kind: "later", delayMs: Math.ceil(delayMs / DELAY_STEP_MS) * DELAY_STEP_MS };
}

/**
 * The wait that a refusal asks for, and up to as much again, so that those refused together do not come back
 * together. Null when it asks for none.
 */
export function wantedWaitMs(reply: ErrorReply): number | null {
  if (reply.retryAfterMs === null) return null;
  return Math.min(reply.retryAfterMs, WAIT_MS_MAX) * (1 + Math.random());
}

/** What becomes of a request whose connection broke after it was handed to the socket (C1). */
export function afterLoss(isWrite: boolean): "outcome unknown" | "reroute" {
  return isWrite ? "outcome unknown" : "reroute";
}
