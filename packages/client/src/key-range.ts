import { RaftKvError, prefixRange, singleKey } from "@raftkv/protocol";
import type { KeyRange } from "@raftkv/protocol";
import { toBytes } from "./bytes.js";
import type { Bytes } from "./bytes.js";

/**
 * Several keys: those that begin with `prefix`, or those in [start, end) in byte order; without an `end`, all from
 * `start` on. `{ prefix: "" }` is every key.
 */
export type Range<K extends Bytes = Bytes> =
  | { readonly prefix: K }
  | { readonly start: K; readonly end?: Bytes | null };

/** A range as it was checked. */
export interface CheckedRange {
  readonly range: KeyRange;
  /** It was given as text, and so its keys come back as text. */
  readonly asText: boolean;
}

/** @throws {RaftKvError} INVALID_ARGUMENT. */
export function toKeyRange(given: Bytes | Range): CheckedRange {
  if (typeof given === "string" || given instanceof Uint8Array) {
    return { range: singleKey(toBytes("key", given)), asText: typeof given === "string" };
  }
  // Nothing types a call from JavaScript.
  const fields = given as { prefix?: unknown; start?: unknown; end?: unknown } | null | undefined;
  if (fields?.prefix !== undefined) {
    const range = prefixRange(toBytes("key", fields.prefix));
    return { range, asText: typeof fields.prefix === "string" };
  }
  if (fields?.start === undefined) {
    throw new RaftKvError("INVALID_ARGUMENT", "a range is { prefix }, or { start, end }");
  }
  const start = toBytes("key", fields.start);
  const end = fields.end === undefined || fields.end === null ? null : toBytes("key", fields.end);
  if (end !== null && Buffer.compare(start, end) >= 0) {
    throw new RaftKvError("INVALID_ARGUMENT", "the range ends at or before its start");
  }
  return { range: { start, end }, asText: typeof fields.start === "string" };
}
