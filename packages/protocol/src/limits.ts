import { RaftKvError } from "./errors.js";

/** What a node takes (C7). It tells its clients in the welcome, so that they can refuse before they send. */
export interface Limits {
  /** Bytes of one message, in either direction; at least one largest request. */
  readonly frameBytes: number;
  /**
   * Requests in one message, the operations in them counted as well; a message of one request may have
   * `operationsInTxn` even if that is more.
   */
  readonly frameRequests: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
  /** Compares and operations of one transaction, both branches and nested ones counted. Also leases in a keep-alive. */
  readonly operationsInTxn: number;
  /** Watches that one connection may have open. */
  readonly watchesPerConnection: number;
  /** Keys in one reply to a range; a client pages on from there. */
  readonly rangeEntries: number;
}

export const DEFAULT_LIMITS: Limits = {
  frameBytes: 4 * 1024 * 1024,
  frameRequests: 4096,
  keyBytes: 64 * 1024,
  valueBytes: 1024 * 1024,
  operationsInTxn: 1024,
  watchesPerConnection: 10_000,
  rangeEntries: 10_000,
};

/** How deep transactions may stand in each other, the outermost counted. */
export const TXN_DEPTH_MAX = 4;

/** Leases and sessions longer than ten years are a mistake. */
export const TTL_MS_MAX = 10 * 365 * 24 * 3_600_000;

/** Deadlines go into timers, and those of 2^31 ms or more fire at once (J). */
export const DEADLINE_MS_MAX = 2 ** 31 - 1;

/** More than a put, a get or a range takes beside its keys and its value, the frame around it included. */
export const REQUEST_OVERHEAD_BYTES = 128;

const FRAME_BYTES_MAX = 2 ** 30;

/**
 * Takes limits as they were configured, or as they came over the wire.
 * @throws {RaftKvError} INVALID_ARGUMENT, naming the limit and what it may be.
 */
export function checkLimits(limits: Limits): Limits {
  atLeastOne("frameRequests", limits.frameRequests);
  atLeastOne("keyBytes", limits.keyBytes);
  atLeastOne("valueBytes", limits.valueBytes);
  atLeastOne("frameBytes", limits.frameBytes);
  atLeastOne("operationsInTxn", limits.operationsInTxn);
  atLeastOne("watchesPerConnection", limits.watchesPerConnection);
  atLeastOne("rangeEntries", limits.rangeEntries);
  const largest = limits.keyBytes + Math.max(limits.keyBytes, limits.valueBytes) + REQUEST_OVERHEAD_BYTES;
  if (limits.frameBytes < largest || limits.frameBytes > FRAME_BYTES_MAX) {
    throw new RaftKvError(
      "INVALID_ARGUMENT",
      `frameBytes is ${limits.frameBytes}: allowed is ${largest} (one largest request) to ${FRAME_BYTES_MAX}`,
    );
  }
  return limits;
}

function atLeastOne(name: keyof Limits, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new RaftKvError("INVALID_ARGUMENT", `${name} is ${String(value)}: a whole number from 1 is wanted`);
}
