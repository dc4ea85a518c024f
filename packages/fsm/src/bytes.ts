const CHUNK_BYTES = 8192;

/** Byte order: negative when `a` comes before `b`. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = a.length < b.length ? a.length : b.length;
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** The bytes as a string of as many characters (latin1): a key for a `Map`, in the same order as the bytes. */
export function nameOf(bytes: Uint8Array): string {
  if (bytes.length <= CHUNK_BYTES) return fromCharacters(bytes);
  let name = "";
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    name += fromCharacters(bytes.subarray(at, at + CHUNK_BYTES));
  }
  return name;
}

/** `String.fromCharCode` takes its characters as arguments, so only so many at once. */
function fromCharacters(bytes: Uint8Array): string {
  return String.fromCharCode.apply(null, bytes as unknown as number[]);
}
