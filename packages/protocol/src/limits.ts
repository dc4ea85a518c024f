import { RaftKvError } from "./errors.js";

/** What a node takes (C7). It tells its clients in the welcome, so that they can refuse before they send. */
export interface Limits {
  /** Bytes of one message, in either direction; at least one largest request. */
  readonly frameBytes: number;
  /** Requests in one message. */
  readonly frameRequests: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
}

export const DEFAULT_LIMITS: Limits = {
  frameBytes: 4 * 1024 * 1024,
  frameRequests: 4096,
  keyBytes: 64 * 1024,
  valueBytes: 1024 * 1024,
};

/** More than any request or reply takes beside its key and its value, the frame around it included. */
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
  const largest = limits.keyBytes + limits.valueBytes + REQUEST_OVERHEAD_BYTES;
  if (limits.frameBytes < largest || limits.frameBytes > FRAME_BYTES_MAX) {
    throw new RaftKvError(
      "INVALID_ARGUMENT",
      `frameBytes is ${limits.frameBytes}: allowed is ${largest} (one largest key and value) to ${FRAME_BYTES_MAX}`,
    );
  }
  return limits;
}

function atLeastOne(name: keyof Limits, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new RaftKvError("INVALID_ARGUMENT", `${name} is ${String(value)}: a whole number from 1 is wanted`);
}
