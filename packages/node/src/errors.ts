/** What a node process exits with. The same numbers stand in docs/cli.md. */
export const EXIT = { usage: 2, invariant: 70, storage: 74, inUse: 75, damaged: 76, removed: 77 } as const;

/** The data directory cannot be used as it was asked for. Says what is there and what is allowed. */
export class DataDirectoryError extends Error {
  override readonly name = "DataDirectoryError";
  readonly code: "NO_DATA" | "FOREIGN_DATA" | "DAMAGED" | "REMOVED" | "UNFINISHED";

  constructor(code: DataDirectoryError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * This replica holds something else than a majority at the same index. Nobody knows why, or since when: it must be replaced,
 * with an empty directory under a new identity.
 */
export class ReplicaDiffersError extends Error {
  override readonly name = "ReplicaDiffersError";
  readonly code = "REPLICA_DIFFERS";
  readonly index: number;
  readonly expected: string;
  readonly found: string;
  /** Who agreed on what was expected. */
  readonly agreed: readonly string[];

  constructor(facts: {
    readonly index: number;
    readonly expected: string;
    readonly found: string;
    readonly agreed: readonly string[];
  }) {
    const { agreed, expected, found, index } = facts;
    super(
      `this replica differs from the majority (${agreed.join(", ")}) at index ${index}: ` +
        `expected the hash ${expected}, found ${found}; it must be replaced`,
    );
    this.index = index;
    this.expected = expected;
    this.found = found;
    this.agreed = agreed;
  }
}

/** The process cannot listen where it was told to. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly code = "LISTEN_FAILED";
  readonly address: string;

  constructor(address: string, cause: NodeJS.ErrnoException) {
    const why = cause.code === "EADDRINUSE" ? "the port is in use" : cause.message;
    super(`cannot listen on ${address}: ${why}`, { cause });
    this.address = address;
  }
}

const EXIT_CODES: Readonly<Record<string, number>> = {
  BAD_CONFIGURATION: EXIT.usage,
  BAD_FSM_SYNC_MODE: EXIT.usage,
  WAL_OPTION: EXIT.usage,
  LISTEN_FAILED: EXIT.usage,
  NO_DATA: EXIT.usage,
  FOREIGN_DATA: EXIT.usage,
  UNFINISHED: EXIT.usage,
  WAL_FORMAT: EXIT.usage,
  NEWER_FORMAT: EXIT.usage,
  UNKNOWN_FORMAT: EXIT.usage,
  WAL_LOCKED: EXIT.inUse,
  REMOVED: EXIT.removed,
  DAMAGED: EXIT.damaged,
  REPLICA_DIFFERS: EXIT.damaged,
  WAL_CORRUPT: EXIT.damaged,
  LOG_CORRUPT: EXIT.damaged,
  WAL_EPOCH: EXIT.damaged,
  STORE_CORRUPT: EXIT.damaged,
  WAL_POISONED: EXIT.storage,
  STORE_FAILED: EXIT.storage,
  STORE_OPEN_FAILED: EXIT.storage,
};

/** Of sockets: an error of the system as well, but nothing that log or store have said. */
const NETWORK_CODES = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
]);

/** The exit status for an error that ends the process. What nobody expected is a bug of ours (C6, F4). */
export function exitCodeOf(error: unknown): number {
  const { code, syscall } = (error ?? {}) as { readonly code?: unknown; readonly syscall?: unknown };
  const known = typeof code === "string" ? EXIT_CODES[code] : undefined;
  if (known !== undefined) return known;
  // The file system said no, to the log, the store or node.json.
  const ofFileSystem = typeof syscall === "string" && !NETWORK_CODES.has(String(code));
  return ofFileSystem ? EXIT.storage : EXIT.invariant;
}
