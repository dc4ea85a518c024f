import type { LeaderHint } from "@raftkv/protocol";
import type { RejectionReason } from "raft-ts";
import type { RequestRefusal } from "./log-proposal.js";

/** Long enough for a full budget to drain on a disk that works. */
const OVERLOADED_RETRY_MS = 100;
/** Long enough for another member to be elected. */
const NO_SPACE_RETRY_MS = 100;

/** Why a server that does not lead takes no write. */
export function notLeader(leader: LeaderHint | null): RequestRefusal {
  return leader === null
    ? unavailable("no leader is known")
    : { code: "NOT_LEADER", message: `the leader is ${leader.name}`, leader, retryAfterMs: null };
}

/** Nothing was done, and another node, or this one later, may do it. */
export function unavailable(message: string): RequestRefusal {
  return { code: "UNAVAILABLE", message, leader: null, retryAfterMs: null };
}

/** Nothing was done: there is no room for it now. */
export function overloaded(message: string): RequestRefusal {
  return { code: "OVERLOADED", message, leader: null, retryAfterMs: OVERLOADED_RETRY_MS };
}

/** Nothing was done: the disk is full. Another member is about to lead, or room is about to be made. */
export function noSpace(freeBytes: number, neededBytes: number): RequestRefusal {
  return {
    code: "NO_SPACE",
    message: `the leader's disk is full: ${freeBytes} bytes are free, ${neededBytes} are needed`,
    leader: null,
    retryAfterMs: NO_SPACE_RETRY_MS,
  };
}

/** What the client is told of a proposal that the core did not take. */
export function rejected(reason: RejectionReason, leader: LeaderHint | null): RequestRefusal {
  switch (reason) {
    case "overloaded":
      return overloaded("too many bytes wait to be committed");
    // The leader is this server still: a hint would send the client back to where it is.
    case "transferring":
      return unavailable("leadership is being handed over");
    case "witness":
      return unavailable(
        "the leader is a witness: it hands over as soon as a member with data is up to date",
      );
    default:
      return notLeader(leader);
  }
}

/** It stands in the log, and nobody knows what will become of it (C1). */
export const OUTCOME_UNKNOWN: RequestRefusal = {
  code: "OUTCOME_UNKNOWN",
  message: "the write was appended, but not committed while this node waited: it may yet be",
  leader: null,
  retryAfterMs: null,
};

/** Nothing of it was appended, so another node may be asked at once (C4). */
export const STOPPING: RequestRefusal = unavailable("this node stops");
