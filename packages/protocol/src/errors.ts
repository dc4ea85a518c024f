import { kindOfErrorCode } from "./error-codes.js";
import type { ErrorCode } from "./error-codes.js";

/**
 * Where the leader is, as a node believes. Of two hints the one with the higher term is right: at most one server
 * leads in a term (§5.2 of the paper), so a hint of an older term is only stale.
 */
export interface LeaderHint {
  readonly name: string;
  /** The leader's client address, `host:port`. */
  readonly address: string;
  readonly term: number;
}

/** What one endpoint said, for an error that several of them caused. */
export interface EndpointReport {
  readonly address: string;
  readonly said: string;
}

/** Facts that go with an error. What is not given is null, or empty. */
export interface ErrorFacts {
  readonly leader?: LeaderHint | null;
  /** Milliseconds after which another try makes sense. */
  readonly retryAfterMs?: number | null;
  /** The limit that was exceeded, in the unit that the message names. */
  readonly limit?: number | null;
  readonly floor?: number | null;
  readonly revision?: number | null;
  readonly lease?: number | null;
  readonly version?: number | null;
  readonly endpoints?: readonly EndpointReport[];
  /** Overrides what the table says of the code. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/** Expected in operation. Callers match on `code`, never on the message. */
export class RaftKvError extends Error {
  override readonly name: string = "RaftKvError";
  readonly code: ErrorCode;
  /** Whether the same request may succeed if it is sent again, without a risk of doing it twice. */
  readonly retryable: boolean;
  /** False only for OUTCOME_UNKNOWN: the request may have been, or may yet be, carried out (C1). */
  readonly outcomeKnown: boolean;
  /** What the command line exits with. */
  readonly exitCode: number;
  /** Who leads, when the node that refused knew. */
  readonly leader: LeaderHint | null;
  readonly retryAfterMs: number | null;
  readonly limit: number | null;
  /** With COMPACTED: the oldest revision that can still be read. */
  readonly floor: number | null;
  /** With FUTURE_REVISION: the latest. With OUTCOME_UNKNOWN: the one at which it was carried out, if that is known. */
  readonly revision: number | null;
  /** With LEASE_NOT_FOUND. */
  readonly lease: number | null;
  /** With CATALOG_VERSION_CONFLICT and WRONG_ROUTE: the version of the catalog. */
  readonly version: number | null;
  /** What each endpoint said; empty unless the error is about all of them. */
  readonly endpoints: readonly EndpointReport[];

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    const kind = kindOfErrorCode(code);
    this.code = code;
    this.retryable = facts.retryable ?? kind.retryable;
    this.outcomeKnown = kind.outcomeKnown;
    this.exitCode = kind.exitCode;
    this.leader = facts.leader ?? null;
    this.retryAfterMs = facts.retryAfterMs ?? null;
    this.limit = facts.limit ?? null;
    this.floor = facts.floor ?? null;
    this.revision = facts.revision ?? null;
    this.lease = facts.lease ?? null;
    this.version = facts.version ?? null;
    this.endpoints = facts.endpoints ?? [];
  }
}

/** The peer sent what the protocol does not allow. The connection must be cut: nothing after it can be trusted. */
export class ProtocolError extends RaftKvError {
  override readonly name = "ProtocolError";

  constructor(message: string, cause?: unknown) {
    super("PROTOCOL", message, { cause });
  }
}
