import type { ErrorReply } from "@raftkv/protocol";
import { backoffMs } from "./backoff.js";

/** For refusals that are retryable, but name no time. */
const RETRY_MS = { first: 10, last: 500 };

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
  const harmless = reply.code === "OUTCOME_UNKNOWN" && !isWrite;
  if (!reply.retryable && !harmless) return { kind: "give up" };
  if (reply.code === "OUTCOME_UNKNOWN" && isWrite) return { kind: "give up" };
  const wanted = reply.retryAfterMs ?? 0;
  const delay =
    wanted > 0 ? backoffMs(0, { first: wanted * 2, last: wanted * 2 }) : backoffMs(refusals, RETRY_MS);
  return { kind: "later", delayMs: Math.ceil(delay / DELAY_STEP_MS) * DELAY_STEP_MS };
}

/** What becomes of a request whose connection broke after it was handed to the socket (C1). */
export function afterLoss(isWrite: boolean): "outcome unknown" | "reroute" {
  return isWrite ? "outcome unknown" : "reroute";
}
