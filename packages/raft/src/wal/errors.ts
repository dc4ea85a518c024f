import type { GroupId, LogIndex } from "../core/types.js";

/** Base of every error that the log gives in operation. Callers match on `code`, never on the message. */
export abstract class WalError extends Error {
  abstract readonly code: string;
}

/** An option of the log has a value that it cannot have. */
export class WalOptionError extends WalError {
  override readonly name = "WalOptionError";
  readonly code = "WAL_OPTION";
}

/** The directory belongs to a running writer (W6). `pid` is null in the instant before the holder has written it. */
export class WalLockedError extends WalError {
  override readonly name = "WalLockedError";
  readonly code = "WAL_LOCKED";
  readonly dir: string;
  readonly pid: number | null;
  constructor(dir: string, pid: number | null) {
    super(`the log in ${dir} is in use by ${pid === null ? "another process" : `process ${pid}`}`);
    this.dir = dir;
    this.pid = pid;
  }
}

/** Where the damage is, and what stands there. Offsets are bytes from the start of the file. */
export interface DamagePlace {
  readonly file: string;
  readonly offset: number;
  readonly expected: string;
  readonly found: string;
}

/** What is on the disk is not what was written there (W2, W3). The node must stop, and never vote on what is left. */
export class WalCorruptError extends WalError {
  override readonly name: string = "WalCorruptError";
  readonly code: string = "WAL_CORRUPT";
  readonly file: string;
  readonly offset: number;
  readonly expected: string;
  readonly found: string;
  constructor(place: DamagePlace) {
    super(
      `${place.file} is damaged at byte ${place.offset}: expected ${place.expected}, found ${place.found}`,
    );
    this.file = place.file;
    this.offset = place.offset;
    this.expected = place.expected;
    this.found = place.found;
  }
}

/** Damage met while entries were read back. `index` is the first entry that could not be had. */
export class LogCorruptError extends WalCorruptError {
  override readonly name = "LogCorruptError";
  override readonly code = "LOG_CORRUPT";
  readonly group: GroupId;
  readonly index: LogIndex;
  constructor(place: DamagePlace, group: GroupId, index: LogIndex) {
    super(place);
    this.group = group;
    this.index = index;
  }
}

/** A segment of an older writer stands behind one of a newer (W6): somebody put it there, or two have written. */
export class WalEpochError extends WalError {
  override readonly name = "WalEpochError";
  readonly code = "WAL_EPOCH";
  readonly file: string;
  readonly epoch: number;
  readonly newestEpoch: number;
  constructor(file: string, epoch: number, newestEpoch: number) {
    super(`${file} is of writer epoch ${epoch}, behind a segment of epoch ${newestEpoch}`);
    this.file = file;
    this.epoch = epoch;
    this.newestEpoch = newestEpoch;
  }
}

/** A newer version wrote this. Names both versions. */
export class WalFormatError extends WalError {
  override readonly name = "WalFormatError";
  readonly code = "WAL_FORMAT";
  readonly file: string;
  readonly format: number;
  constructor(file: string, format: number, supported: number) {
    super(`${file} has log format ${format}, this version reads ${supported}`);
    this.file = file;
    this.format = format;
  }
}

/** A write or a sync failed: nothing is known of what reached the disk, and nothing is tried again (W1). */
export class WalPoisonedError extends WalError {
  override readonly name = "WalPoisonedError";
  readonly code = "WAL_POISONED";
  constructor(cause: Error) {
    super(`the log failed and takes nothing more: ${cause.message}`, { cause });
  }
}

export class WalClosedError extends WalError {
  override readonly name = "WalClosedError";
  readonly code = "WAL_CLOSED";
  constructor() {
    super("the log is closed");
  }
}

/** Asked for what only the memtable can give, of a log that was opened without one. */
export class MemtableDisabledError extends WalError {
  override readonly name = "MemtableDisabledError";
  readonly code = "MEMTABLE_DISABLED";
  constructor(operation: string) {
    super(`${operation} needs the memtable, and this log was opened with enableMemtable: false`);
  }
}

/** The entry is at or below the base: a snapshot covers it (thesis §5.1). */
export class LogCompactedError extends WalError {
  override readonly name = "LogCompactedError";
  readonly code = "LOG_COMPACTED";
  readonly group: GroupId;
  readonly index: LogIndex;
  readonly baseIndex: LogIndex;
  constructor(group: GroupId, index: LogIndex, baseIndex: LogIndex) {
    super(`entry ${index} of group ${group} is compacted; the log begins behind ${baseIndex}`);
    this.group = group;
    this.index = index;
    this.baseIndex = baseIndex;
  }
}

/** The range is empty, or ends behind the last entry. */
export class LogRangeError extends WalError {
  override readonly name = "LogRangeError";
  readonly code = "LOG_RANGE";
  readonly group: GroupId;
  constructor(group: GroupId, from: number, to: number, lastIndex: number) {
    super(
      `entries [${from}, ${to}) of group ${group} are not a range of its log, which ends with ${lastIndex}`,
    );
    this.group = group;
  }
}
