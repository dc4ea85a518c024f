import type { CommandResult, Refused } from "@raftkv/fsm";
import {
  ERRORS,
  catalogChangeReply,
  compactReply,
  deleteReply,
  errorReply,
  leaseGrantReply,
  leaseKeepAliveReply,
  leaseRevokeReply,
  putReply,
  sessionCloseReply,
  sessionKeepAliveReply,
  sessionOpenReply,
  txnReply,
} from "@raftkv/protocol";
import type { WireReply } from "@raftkv/protocol";
import { CompactedError, FutureRevisionError } from "@raftkv/store";
import { InvariantViolation } from "raft-ts";
import type { RequestRefusal } from "../group/log-proposal.js";

/** When a table of the state machine that was full may have room again. */
const TABLE_FULL_RETRY_MS = 100;

/** What a client is told of a command that was applied. */
export function resultReply(requestId: number, result: CommandResult): WireReply {
  switch (result.kind) {
    case "put":
      return result.previous === null
        ? putReply(requestId, result.revision)
        : putReply(requestId, result.revision, result.previous);
    case "delete":
      return deleteReply(requestId, result.revision, result.deleted, result.previous);
    case "txn":
      return txnReply(requestId, result.revision, result);
    case "leaseGrant":
      return leaseGrantReply(requestId, result.lease, result.ttlMs);
    case "leaseRevoke":
      return leaseRevokeReply(requestId, result.revision, result.deleted);
    case "leaseKeepAlive":
      return leaseKeepAliveReply(
        requestId,
        result.leases.map(({ ttlMs }) => ttlMs),
      );
    case "sessionOpen":
      return sessionOpenReply(requestId, result.session, result.ttlMs);
    case "sessionKeepAlive":
      return sessionKeepAliveReply(requestId, result.ttlMs);
    case "sessionClose":
      return sessionCloseReply(requestId);
    case "compact":
      return compactReply(requestId, result.floor);
    case "catalogChange":
      return catalogChangeReply(requestId, result.version);
    case "notKept":
      return refusalReply(requestId, {
        code: "OUTCOME_UNKNOWN",
        message: `it was carried out at revision ${result.revision}, and its answer was too large to be kept`,
        revision: result.revision,
      });
    case "refused":
      return refusalReply(requestId, refusalOf(result));
    case "clock":
    case "settingsChange":
    case "hashCheck":
      throw new InvariantViolation(`no client asks for a ${result.kind}`);
  }
}

export function refusalReply(requestId: number, refusal: RequestRefusal): WireReply {
  const { code, message } = refusal;
  return errorReply(requestId, { code, message, retryable: ERRORS[code].retryable }, refusal);
}

/** What the state machine refused, in the words of the protocol. */
function refusalOf({ code, facts }: Refused): RequestRefusal {
  switch (code) {
    case "LEASE_NOT_FOUND":
      return leaseNotFound(facts["lease"] ?? 0);
    case "SESSION_EXPIRED":
      return { code, message: `there is no session ${facts["session"] ?? 0}: it expired, or was closed` };
    case "OUT_OF_ORDER":
      return { code, message: `the predecessor, ${facts["predecessor"] ?? 0}, is not carried out yet` };
    case "PREDECESSOR_FAILED":
      return { code, message: `the predecessor, ${facts["predecessor"] ?? 0}, was refused` };
    case "OUTCOME_UNKNOWN":
      return { code, message: "the client said that it has the answer, so that was forgotten" };
    case "CATALOG_VERSION_CONFLICT": {
      const { version = 0 } = facts;
      return { code, message: `the catalog has version ${version}`, version };
    }
    case "COMPACTED": {
      const { floor = 0 } = facts;
      return { code, message: `everything below revision ${floor} is compacted already`, floor };
    }
    case "FUTURE_REVISION": {
      const { revision = 0 } = facts;
      return { code, message: `the latest revision is ${revision}`, revision };
    }
    case "OVERLOADED":
      return { code, message: `the limit is reached: ${named(facts)}`, retryAfterMs: TABLE_FULL_RETRY_MS };
    case "TOO_LARGE": {
      const [limit = null] = Object.values(facts);
      return { code, message: `it takes more than the cluster allows: ${named(facts)}`, limit };
    }
    case "INVALID_ARGUMENT":
      return { code, message: `it does not fit what is there: ${named(facts)}` };
    case "WRONG_ROUTE": {
      const { catalogVersion = 0, group = 0 } = facts;
      return { code, message: `a key belongs to group ${group}`, version: catalogVersion };
    }
  }
}

export function leaseNotFound(lease: number): RequestRefusal {
  return { code: "LEASE_NOT_FOUND", message: `there is no lease ${lease}`, lease };
}

/** Of a read that asked for a revision that cannot be read (S8); null when it failed for another reason. */
export function revisionRefusal(error: unknown): RequestRefusal | null {
  if (error instanceof CompactedError) {
    return { code: "COMPACTED", message: error.message, floor: error.floor };
  }
  if (error instanceof FutureRevisionError) {
    return { code: "FUTURE_REVISION", message: error.message, revision: error.currentRevision };
  }
  return null;
}

function named(facts: Readonly<Record<string, number>>): string {
  return (
    Object.entries(facts)
      .map(([name, value]) => `${name} is ${value}`)
      .join(", ") || "no more is known"
  );
}
