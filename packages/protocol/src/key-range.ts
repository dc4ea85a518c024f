/** Keys in [start, end), in byte order. */
export interface KeyRange {
  readonly start: Uint8Array;
  /** Null: no upper bound. */
  readonly end: Uint8Array | null;
}

/** The range that holds `key` alone: up to the next key in byte order, which is the same with a 0 behind it. */
export function singleKey(key: Uint8Array): KeyRange {
  const end = Buffer.allocUnsafe(key.length + 1);
  end.set(key);
  end[key.length] = 0;
  return { start: key, end };
}

export function isSingleKey({ start, end }: KeyRange): boolean {
  if (end === null || end.length !== start.length + 1 || end[start.length] !== 0) return false;
  return Buffer.compare(start, end.subarray(0, start.length)) === 0;
}

/** All keys that begin with `prefix`. */
export function prefixRange(prefix: Uint8Array): KeyRange {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length -= 1;
  if (length === 0) return { start: prefix, end: null };
  const end = Buffer.from(prefix.subarray(0, length));
  end[length - 1] = (end[length - 1] ?? 0) + 1;
  return { start: prefix, end };
}

/** The two fields of a range as it travels: nil for the one key, true for no upper bound, else the exclusive end. */
export function rangeToWire(range: KeyRange): readonly [Uint8Array, Uint8Array | true | null] {
  if (range.end === null) return [range.start, true];
  return [range.start, isSingleKey(range) ? null : range.end];
}
