import type { KeyRange } from "@raftkv/store";
import { compareBytes } from "./bytes.js";

/** The range that holds `key` and nothing else. */
export function rangeOfKey(key: Uint8Array): KeyRange {
  const end = new Uint8Array(key.length + 1);
  end.set(key);
  return { start: key, end };
}

/** Whether a range can hold one key only: its start. */
export function isOneKey(range: KeyRange): boolean {
  const { start, end } = range;
  if (end === null || end.length !== start.length + 1 || end[start.length] !== 0) return false;
  for (let i = 0; i < start.length; i++) if (start[i] !== end[i]) return false;
  return true;
}

export function rangeContains(range: KeyRange, key: Uint8Array): boolean {
  return compareBytes(key, range.start) >= 0 && (range.end === null || compareBytes(key, range.end) < 0);
}

export function rangesIntersect(a: KeyRange, b: KeyRange): boolean {
  if (isEmptyRange(a) || isEmptyRange(b)) return false;
  return (
    (b.end === null || compareBytes(a.start, b.end) < 0) &&
    (a.end === null || compareBytes(b.start, a.end) < 0)
  );
}

/** A range whose end is not behind its start holds nothing. */
export function isEmptyRange(range: KeyRange): boolean {
  return range.end !== null && compareBytes(range.start, range.end) >= 0;
}
