/** Expected in operation. Callers match on `code`, never on the message. */
export class StoreError extends Error {
  override readonly name: string = "StoreError";
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What is on disk is not what this store wrote. Nothing is read past it: the node stops. */
export class StoreCorruptError extends StoreError {
  override readonly name = "StoreCorruptError";
  readonly file: string;
  readonly expected: string;
  readonly found: string;

  constructor(file: string, expected: string, found: string, options?: ErrorOptions) {
    super("STORE_CORRUPT", `${file}: expected ${expected}, found ${found}`, options);
    this.file = file;
    this.expected = expected;
    this.found = found;
  }
}

/** LevelDB could not be opened for a reason that says nothing about its contents (a lock, a permission). */
export class StoreOpenError extends StoreError {
  override readonly name = "StoreOpenError";
  readonly file: string;

  constructor(file: string, cause: unknown) {
    super("STORE_OPEN_FAILED", `${file} cannot be opened: ${messageOf(cause)}`, { cause });
    this.file = file;
  }
}

/** A write or a checkpoint failed before; what is in LevelDB is unknown since, so nothing is served (S9). */
export class StoreFailedError extends StoreError {
  override readonly name = "StoreFailedError";

  constructor(cause: unknown) {
    super("STORE_FAILED", `the store failed and must be opened again: ${messageOf(cause)}`, { cause });
  }
}

export class StoreClosedError extends StoreError {
  override readonly name = "StoreClosedError";

  constructor() {
    super("CLOSED", "the store is closed");
  }
}

/** A direct write is for a store that no group is attached to: behind the log's back it would diverge (S6). */
export class GroupAttachedError extends StoreError {
  override readonly name = "GroupAttachedError";

  constructor() {
    super("GROUP_ATTACHED", "a group is attached to the store: every write comes out of its log");
  }
}

/** A read of a revision that this replica has not reached (S8). */
export class FutureRevisionError extends StoreError {
  override readonly name = "FutureRevisionError";
  readonly revision: number;
  readonly currentRevision: number;

  constructor(revision: number, currentRevision: number) {
    super("FUTURE_REVISION", `revision ${revision} is not there yet, the current one is ${currentRevision}`);
    this.revision = revision;
    this.currentRevision = currentRevision;
  }
}

/** A read of a revision whose history may be gone; what stands at the floor itself can be read (S8). */
export class CompactedError extends StoreError {
  override readonly name = "CompactedError";
  readonly revision: number;
  readonly floor: number;

  constructor(revision: number, floor: number) {
    super("COMPACTED", `revision ${revision} is compacted, the compaction floor is ${floor}`);
    this.revision = revision;
    this.floor = floor;
  }
}

export class InvalidFsmSyncModeError extends StoreError {
  override readonly name = "InvalidFsmSyncModeError";
  readonly value: string;

  constructor(setting: string, value: string) {
    super("BAD_FSM_SYNC_MODE", `${setting} is ${JSON.stringify(value)}, allowed are "sync" and "nosync"`);
    this.value = value;
  }
}

/** Our own bug. Caught only at the top of the process, which exits. */
export class InvariantViolation extends Error {
  override readonly name = "InvariantViolation";
}

export function invariant(holds: boolean, what: string): asserts holds {
  if (!holds) throw new InvariantViolation(what);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
