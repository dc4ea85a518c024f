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

interface ErrorKind {
  /** The code's number on the wire; null for codes that a client makes for itself. Never given to another code. */
  readonly wire: number | null;
  /** Whether the same request may succeed if it is sent again. */
  readonly retryable: boolean;
  /** False only where the request may have been carried out (C1). */
  readonly outcomeKnown: boolean;
  /** What the command line exits with. */
  readonly exitCode: 2 | 3 | 4 | 5;
  readonly meaning: string;
}

/**
 * Every error that a client can meet. All but OUTCOME_UNKNOWN promise that the request had no effect.
 */
export const ERRORS = {
  NOT_LEADER: {
    wire: 1,
    retryable: true,
    outcomeKnown: true,
    exitCode: 3,
    meaning: "only the leader takes this request; the error says who leads, if the node knows",
  },
  UNAVAILABLE: {
    wire: 2,
    retryable: true,
    outcomeKnown: true,
    exitCode: 3,
    meaning: "no node that could serve the request was reached, or no leader was elected in time",
  },
  OVERLOADED: {
    wire: 3,
    retryable: true,
    outcomeKnown: true,
    exitCode: 3,
    meaning: "the node has no room for the request now; the error says when to try again",
  },
  OUTCOME_UNKNOWN: {
    wire: 4,
    retryable: false,
    outcomeKnown: false,
    exitCode: 4,
    meaning: "the write was sent, and nobody can say any more whether it was or will be carried out",
  },
  TIMEOUT: {
    wire: 5,
    retryable: true,
    outcomeKnown: true,
    exitCode: 3,
    meaning: "the deadline passed, and nothing was done: a write was not sent, or a read not answered",
  },
  TOO_LARGE: {
    wire: 6,
    retryable: false,
    outcomeKnown: true,
    exitCode: 5,
    meaning: "the key, the value or the request is larger than the cluster takes; the error names the limit",
  },
  INVALID_ARGUMENT: {
    wire: 7,
    retryable: false,
    outcomeKnown: true,
    exitCode: 2,
    meaning: "the request cannot be understood as it stands; the message says what is allowed",
  },
  PROTOCOL: {
    wire: 8,
    retryable: false,
    outcomeKnown: true,
    exitCode: 5,
    meaning: "the other side broke the protocol, and the connection was cut",
  },
  UNSUPPORTED_VERSION: {
    wire: 9,
    retryable: false,
    outcomeKnown: true,
    exitCode: 5,
    meaning: "client and node have no protocol version in common; the message names those of both",
  },
  WRONG_CLUSTER: {
    wire: 10,
    retryable: false,
    outcomeKnown: true,
    exitCode: 5,
    meaning: "the node belongs to another cluster than the one that the client asked for",
  },
  NO_SPACE: {
    wire: 11,
    retryable: true,
    outcomeKnown: true,
    exitCode: 3,
    meaning: "the leader's disk is full, and no other member took over in time; reads go on",
  },
  CLOSED: {
    wire: null,
    retryable: false,
    outcomeKnown: true,
    exitCode: 5,
    meaning: "the client was closed before the request was sent",
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

const KINDS: Readonly<Record<ErrorCode, ErrorKind>> = ERRORS;
const CODE_OF_WIRE = new Map<number, ErrorCode>();
for (const code of Object.keys(KINDS) as ErrorCode[]) {
  const { wire } = KINDS[code];
  if (wire !== null) CODE_OF_WIRE.set(wire, code);
}

/** The code that has this number on the wire, or null. */
export function errorCodeOfWire(wire: number): ErrorCode | null {
  return CODE_OF_WIRE.get(wire) ?? null;
}

/** The number that `code` has on the wire; null when it never travels. */
export function wireOfErrorCode(code: ErrorCode): number | null {
  return KINDS[code].wire;
}

/** Facts that go with an error. What is not given is null, or empty. */
export interface ErrorFacts {
  readonly leader?: LeaderHint | null;
  /** Milliseconds after which another try makes sense. */
  readonly retryAfterMs?: number | null;
  /** The limit that was exceeded, in the unit that the message names. */
  readonly limit?: number | null;
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
  /** What each endpoint said; empty unless the error is about all of them. */
  readonly endpoints: readonly EndpointReport[];

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    const kind = KINDS[code];
    this.code = code;
    this.retryable = facts.retryable ?? kind.retryable;
    this.outcomeKnown = kind.outcomeKnown;
    this.exitCode = kind.exitCode;
    this.leader = facts.leader ?? null;
    this.retryAfterMs = facts.retryAfterMs ?? null;
    this.limit = facts.limit ?? null;
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
