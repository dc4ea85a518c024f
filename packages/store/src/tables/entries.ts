import { compareKeys } from "./key-order.js";

/**
 * An entry, in memory as on the disk:
 *
 *     varint  length of the key
 *     varint  length of the value, plus 1; 0 when the key is removed
 *     key, value
 */
const VARINT_BYTES_MAX = 5;
const LENGTHS_BYTES_MAX = 2 * VARINT_BYTES_MAX;
const INITIAL_BYTES = 4_096;
/** Below it a loop is faster than a call, which makes a view of the bytes first. */
const SHORT_BYTES = 160;

/** Where the parts of an entry stand in its bytes. One object is filled again and again. */
export class EntryPlace {
  keyFrom = 0;
  keyTo = 0;
  to = 0;
  isRemoval = false;

  /** Reads the lengths of the entry that begins at `from`. False when they lead beyond `end`: it is no entry. */
  read(bytes: Buffer, from: number, end: number): boolean {
    let at = from;
    let length = bytes[at++] ?? 0;
    if (length >= 0x80) {
      length = readRest(bytes, at, length);
      at = restEnd;
    }
    let valueLength = bytes[at++] ?? 0;
    if (valueLength >= 0x80) {
      valueLength = readRest(bytes, at, valueLength);
      at = restEnd;
    }
    this.keyFrom = at;
    this.keyTo = at + length;
    this.isRemoval = valueLength === 0;
    this.to = this.keyTo + (valueLength === 0 ? 0 : valueLength - 1);
    return this.to <= end;
  }
}

/** Behind what `readRest` read last: a field of the module, so that no read allocates a pair. */
let restEnd = 0;

/** The rest of an unsigned LEB128 whose first byte was `first`. Too long a one gives a length beyond every file. */
function readRest(bytes: Buffer, from: number, first: number): number {
  let value = first & 0x7f;
  let scale = 128;
  let at = from;
  for (; at < from + VARINT_BYTES_MAX; at++) {
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte < 0x80) {
      restEnd = at + 1;
      return value;
    }
  }
  restEnd = at;
  return Number.MAX_SAFE_INTEGER;
}

/** Writes a number as unsigned LEB128 at `at`; returns the place behind it. */
export function writeVarint(target: Buffer, at: number, number: number): number {
  let rest = number;
  let to = at;
  while (rest >= 0x80) {
    target[to++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[to++] = rest;
  return to;
}

/** Copies source[from, to) to `at` in another buffer. */
export function copyBytes(source: Buffer, from: number, to: number, target: Buffer, at: number): void {
  if (to - from > SHORT_BYTES) source.copy(target, at, from, to);
  else for (let i = from; i < to; i++) target[at + i - from] = source[i] ?? 0;
}

/** `bytes`, or a larger buffer with the first `used` of them, so that there is room for `more`. */
export function withRoom(bytes: Buffer, used: number, more: number): Buffer {
  if (used + more <= bytes.length) return bytes;
  const larger = Buffer.allocUnsafeSlow(Math.max(2 * bytes.length, used + more, INITIAL_BYTES));
  bytes.copy(larger, 0, 0, used);
  return larger;
}

/** Entries in ascending order, each key once, as of the moment at which they were asked for. */
export interface EntryView {
  readonly bytes: Buffer;
  readonly starts: readonly number[];
  readonly count: number;
}

/** The first of the entries whose key is `key` or behind it. */
export function lowerBound({ bytes, starts, count }: EntryView, key: Buffer): number {
  const place = new EntryPlace();
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    place.read(bytes, starts[middle] ?? 0, bytes.length);
    if (compareKeys(bytes, place.keyFrom, place.keyTo, key, 0, key.length) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The value of a key, a view of the bytes; null when it is removed, undefined when it is not there. */
export function findEntry(view: EntryView, key: Buffer): Buffer | null | undefined {
  const at = lowerBound(view, key);
  if (at === view.count) return undefined;
  const place = new EntryPlace();
  place.read(view.bytes, view.starts[at] ?? 0, view.bytes.length);
  if (compareKeys(view.bytes, place.keyFrom, place.keyTo, key, 0, key.length) !== 0) return undefined;
  return place.isRemoval ? null : view.bytes.subarray(place.keyTo, place.to);
}

/** Entries as they come, and in order once `sort` was called. What a view has is never changed. */
export class EntryList {
  #bytes: Buffer = Buffer.alloc(0);
  #used = 0;
  #starts: number[] = [];
  #isAscending = true;
  /** The entries lie end to end in their order. */
  #isDense = true;
  #lastKeyFrom = 0;
  #lastKeyTo = 0;

  get byteLength(): number {
    return this.#used;
  }

  get count(): number {
    return this.#starts.length;
  }

  put(key: Buffer, value: Buffer | null): void {
    const valueBytes = value?.length ?? 0;
    const bytes = withRoom(this.#bytes, this.#used, LENGTHS_BYTES_MAX + key.length + valueBytes);
    this.#bytes = bytes;
    let at = writeVarint(bytes, this.#used, key.length);
    at = writeVarint(bytes, at, value === null ? 0 : valueBytes + 1);
    copyBytes(key, 0, key.length, bytes, at);
    if (value !== null) copyBytes(value, 0, valueBytes, bytes, at + key.length);
    this.#noteKey(at, at + key.length);
    this.#starts.push(this.#used);
    this.#used = at + key.length + valueBytes;
  }

  /** Brings all into order; of a key that came more than once the last one stays. */
  sort(): void {
    if (this.#isAscending) return;
    this.#isDense = false;
    const bytes = this.#bytes;
    const [a, b] = [new EntryPlace(), new EntryPlace()];
    const compare = (startA: number, startB: number): number => {
      a.read(bytes, startA, this.#used);
      b.read(bytes, startB, this.#used);
      return compareKeys(bytes, a.keyFrom, a.keyTo, bytes, b.keyFrom, b.keyTo);
    };
    const sorted = this.#starts.slice().sort((x, y) => compare(x, y) || x - y);
    this.#starts = sorted.filter((start, i) => {
      const next = sorted[i + 1];
      return next === undefined || compare(start, next) !== 0;
    });
    this.#isAscending = true;
    a.read(bytes, this.#starts.at(-1) ?? 0, this.#used);
    this.#lastKeyFrom = a.keyFrom;
    this.#lastKeyTo = a.keyTo;
  }

  /** Adds all of a list that is in order; what is in both is as `other` has it. This list is in order before and after. */
  addAll(other: EntryList): void {
    if (this.#isBefore(other)) {
      this.#append(other);
      return;
    }
    const place = new EntryPlace();
    for (const start of other.#starts) {
      place.read(other.#bytes, start, other.#used);
      const bytes = withRoom(this.#bytes, this.#used, place.to - start);
      this.#bytes = bytes;
      copyBytes(other.#bytes, start, place.to, bytes, this.#used);
      const moved = this.#used - start;
      this.#noteKey(place.keyFrom + moved, place.keyTo + moved);
      this.#starts.push(this.#used);
      this.#used += place.to - start;
    }
    this.sort();
  }

  /** Every key of this list comes before all of `other`, whose entries lie end to end. */
  #isBefore(other: EntryList): boolean {
    if (!other.#isDense || other.count === 0) return false;
    if (this.count === 0) return true;
    const [place, bytes] = [new EntryPlace(), other.#bytes];
    place.read(bytes, other.#starts[0] ?? 0, other.#used);
    return (
      compareKeys(this.#bytes, this.#lastKeyFrom, this.#lastKeyTo, bytes, place.keyFrom, place.keyTo) < 0
    );
  }

  #append(other: EntryList): void {
    const from = this.#used;
    this.#bytes = withRoom(this.#bytes, from, other.#used);
    other.#bytes.copy(this.#bytes, from, 0, other.#used);
    for (const start of other.#starts) this.#starts.push(from + start);
    this.#used += other.#used;
    this.#lastKeyFrom = from + other.#lastKeyFrom;
    this.#lastKeyTo = from + other.#lastKeyTo;
  }

  view(): EntryView {
    return { bytes: this.#bytes, starts: this.#starts, count: this.#starts.length };
  }

  /** The key in [from, to), which is about to be the last one. */
  #noteKey(from: number, to: number): void {
    const bytes = this.#bytes;
    if (this.#starts.length > 0 && this.#isAscending)
      this.#isAscending = compareKeys(bytes, this.#lastKeyFrom, this.#lastKeyTo, bytes, from, to) < 0;
    this.#lastKeyFrom = from;
    this.#lastKeyTo = to;
  }
}
