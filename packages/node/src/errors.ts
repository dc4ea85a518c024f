/** What a node process exits with. The same numbers stand in docs/cli.md. */
export const EXIT = { usage: 2, invariant: 70, storage: 74, inUse: 75, damaged: 76, removed: 77 } as const;

/** The data directory cannot be used as it was asked for. Says what is there and what is allowed. */
export class DataDirectoryError extends Error {
  override readonly name = "DataDirectoryError";
  readonly code: "NO_DATA" | "FOREIGN_DATA" | "DAMAGED" | "REMOVED";

  constructor(code: DataDirectoryError["code"], message: string) {
    super(message);
    this.code = code;
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
  WAL_FORMAT: EXIT.usage,
  WAL_LOCKED: EXIT.inUse,
  REMOVED: EXIT.removed,
  DAMAGED: EXIT.damaged,
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
