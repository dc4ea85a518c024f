import { RaftKvError } from "@raftkv/protocol";
import type { ErrorCode } from "@raftkv/protocol";
import type { LeaderFinder } from "./leader-finder.js";
import { refusalError } from "./pending-request.js";
import type { PendingRequest } from "./pending-request.js";

/** No node was reached that could serve, with what every endpoint said. */
export function unavailable(finder: LeaderFinder, timeoutMs: number): RaftKvError {
  const endpoints = finder.reports;
  const said = endpoints.map(({ address, said: what }) => `${address}: ${what}`).join("; ");
  return new RaftKvError("UNAVAILABLE", `no node could serve within ${timeoutMs} ms (${said})`, {
    endpoints,
  });
}

export function unknownOutcome(what: string, cause?: unknown): RaftKvError {
  const message = `${what} after the write was sent: it may have been carried out, or may yet be`;
  return new RaftKvError("OUTCOME_UNKNOWN", message, { cause });
}

export function closedError(): RaftKvError {
  return new RaftKvError("CLOSED", "the client is closed");
}

/** With what a request ends whose deadline passed. @param opening what it waits for before it can be sent, if so. */
export function expired(
  request: PendingRequest,
  opening: PendingRequest | null,
  finder: LeaderFinder,
): RaftKvError {
  const { connection, timeoutMs } = request;
  const refusal = request.refusal ?? opening?.refusal ?? null;
  if (connection !== null) {
    const what = `${connection.address} did not answer within ${timeoutMs} ms`;
    return request.mayBeDone ? unknownOutcome(what) : new RaftKvError("TIMEOUT", what);
  }
  if (request.isOpen) {
    const cause = refusal === null ? undefined : refusalError(refusal.reply, refusal.address);
    return unknownOutcome(`no answer came within ${timeoutMs} ms`, cause);
  }
  if (refusal !== null && isWantOfRoom(refusal.reply.code)) {
    return refusalError(refusal.reply, refusal.address);
  }
  if (refusal === null && finder.connectionFor(request.call.route) !== null) {
    return new RaftKvError("TIMEOUT", `nothing could be sent within ${timeoutMs} ms`);
  }
  return unavailable(finder, timeoutMs);
}

/** It came to the right node each time, which had no room for it: more is known than that nobody could serve. */
function isWantOfRoom(code: ErrorCode): boolean {
  return code === "OVERLOADED" || code === "NO_SPACE";
}
