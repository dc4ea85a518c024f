/** The facts of an error that are one number each. Every code has at most one of them, and it travels as such. */
export type ErrorFact = "floor" | "revision" | "lease" | "version";

export interface ErrorKind {
  /** The code's number on the wire; null for codes that a client makes for itself. Never given to another code. */
  readonly wire: number | null;
  /** Whether the same request may succeed if it is sent again. */
  readonly retryable: boolean;
  /** False only where the request may have been carried out (C1). */
  readonly outcomeKnown: boolean;
  /** What the command line exits with. */
  readonly exitCode: 2 | 3 | 4 | 5;
  /** What the one number that travels with the code says; null when none does. */
  readonly fact: ErrorFact | null;
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
    fact: null,
    meaning: "only the leader takes this request; the error says who leads, if the node knows",
  },
  UNAVAILABLE: {
    wire: 2,
    retryable: true,
    outcomeKnown: true,
    exitCode: 3,
    fact: null,
    meaning: "no node that could serve the request was reached, or no leader was elected in time",
  },
  OVERLOADED: {
    wire: 3,
    retryable: true,
    outcomeKnown: true,
    exitCode: 3,
    fact: null,
    meaning: "the node has no room for the request now; the error says when to try again",
  },
  OUTCOME_UNKNOWN: {
    wire: 4,
    retryable: false,
    outcomeKnown: false,
    exitCode: 4,
    fact: "revision",
    meaning:
      "the write was sent, and its answer is lost: it was or will be carried out, or not; with a revision, it was",
  },
  TIMEOUT: {
    wire: 5,
    retryable: true,
    outcomeKnown: true,
    exitCode: 3,
    fact: null,
    meaning: "the deadline passed, and nothing was done: a write was not sent, or a read not answered",
  },
  TOO_LARGE: {
    wire: 6,
    retryable: false,
    outcomeKnown: true,
    exitCode: 5,
    fact: null,
    meaning:
      "the key, the value, the request or the number of members is larger than the cluster takes; the error names the limit",
  },
  INVALID_ARGUMENT: {
    wire: 7,
    retryable: false,
    outcomeKnown: true,
    exitCode: 2,
    fact: null,
    meaning: "the request cannot be understood as it stands; the message says what is allowed",
  },
  PROTOCOL: {
    wire: 8,
    retryable: false,
    outcomeKnown: true,
    exitCode: 5,
    fact: null,
    meaning: "the other side broke the protocol, and the connection was cut",
  },
  UNSUPPORTED_VERSION: {
    wire: 9,
    retryable: false,
    outcomeKnown: true,
    exitCode: 5,
    fact: null,
    meaning: "client and node have no protocol version in common; the message names those of both",
  },
  WRONG_CLUSTER: {
    wire: 10,
    retryable: false,
    outcomeKnown: true,
    exitCode: 5,
    fact: null,
    meaning: "the node belongs to another cluster than the one that the client asked for",
  },
  NO_SPACE: {
    wire: 11,
    retryable: true,
    outcomeKnown: true,
    exitCode: 3,
    fact: null,
    meaning: "the leader's disk is full, and no other member took over in time; reads go on",
  },
  COMPACTED: {
    wire: 12,
    retryable: false,
    outcomeKnown: true,
    exitCode: 5,
    fact: "floor",
    meaning: "the revision was compacted away; the error names the floor, the oldest one that can be read",
  },
  FUTURE_REVISION: {
    wire: 13,
    retryable: false,
    outcomeKnown: true,
    exitCode: 5,
    fact: "revision",
    meaning: "there is no such revision yet; the error names the latest",
  },
  LEASE_NOT_FOUND: {
    wire: 14,
    retryable: false,
    outcomeKnown: true,
    exitCode: 5,
    fact: "lease",
    meaning: "there is no such lease: it was revoked, it expired, or it never was",
  },
  SESSION_EXPIRED: {
    wire: 15,
    retryable: true,
    outcomeKnown: true,
    exitCode: 3,
    fact: null,
    meaning: "the session ended before the request was carried out, and it was not",
  },
  OUT_OF_ORDER: {
    wire: 16,
    retryable: true,
    outcomeKnown: true,
    exitCode: 3,
    fact: null,
    meaning:
      "the write names a predecessor that is not carried out yet; the client sends it again (never seen by callers)",
  },
  CATALOG_VERSION_CONFLICT: {
    wire: 17,
    retryable: false,
    outcomeKnown: true,
    exitCode: 5,
    fact: "version",
    meaning: "the catalog has another version than the change expects; the error names it",
  },
  WRONG_ROUTE: {
    wire: 18,
    retryable: false,
    outcomeKnown: true,
    exitCode: 5,
    fact: "version",
    meaning: "the keys belong to another group in the catalog; the error names the catalog's version",
  },
  PREDECESSOR_FAILED: {
    wire: 19,
    retryable: false,
    outcomeKnown: true,
    exitCode: 5,
    fact: null,
    meaning: "the write names a predecessor that was refused, so it is too, for good",
  },
  MEMBER_NOT_FOUND: {
    wire: 20,
    retryable: false,
    outcomeKnown: true,
    exitCode: 5,
    fact: null,
    meaning: "the cluster has no member of that name",
  },
  MEMBER_EXISTS: {
    wire: 21,
    retryable: false,
    outcomeKnown: true,
    exitCode: 5,
    fact: null,
    meaning: "the cluster has a member of that name or with that address already, and it is another one",
  },
  MEMBER_LAGS: {
    wire: 22,
    retryable: false,
    outcomeKnown: true,
    exitCode: 5,
    fact: null,
    meaning: "the learner is not there, or lacks too much of the log to be given a vote: wait, and ask again",
  },
  QUORUM_AT_RISK: {
    wire: 23,
    retryable: false,
    outcomeKnown: true,
    exitCode: 5,
    fact: null,
    meaning: "too few of the members that would be left are alive, or have data; the message says which",
  },
  TRANSFER_FAILED: {
    wire: 24,
    retryable: false,
    outcomeKnown: true,
    exitCode: 5,
    fact: null,
    meaning: "no member took leadership over; the leader leads on",
  },
  LEASES_REFUSED: {
    wire: 25,
    retryable: false,
    outcomeKnown: true,
    exitCode: 5,
    fact: null,
    meaning:
      "leader leases cannot be switched on: a member is of an older version, or too little would be left of a lease",
  },
  CLOSED: {
    wire: null,
    retryable: false,
    outcomeKnown: true,
    exitCode: 5,
    fact: null,
    meaning: "the client was closed before the request was sent",
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

/** What is said of each code, by a name that is not narrowed to the table. */
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

/** What the number that travels with `code` says; null when none does. */
export function factOfErrorCode(code: ErrorCode): ErrorFact | null {
  return KINDS[code].fact;
}

/** What is known of `code`. */
export function kindOfErrorCode(code: ErrorCode): ErrorKind {
  return KINDS[code];
}
