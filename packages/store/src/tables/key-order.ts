/**
 * What lies behind so many bytes is compared by Node.js, which costs as much as 100 bytes here. Keys of 64 KiB that begin alike would take a look-up
 * a millisecond otherwise, and a batch of them a tenth of a second (C5).
 */
const SHORT_BYTES = 128;

/** Compares the keys in a[aFrom, aTo) and b[bFrom, bTo) byte by byte: below 0, 0 or above. */
export function compareKeys(
  a: Buffer,
  aFrom: number,
  aTo: number,
  b: Buffer,
  bFrom: number,
  bTo: number,
): number {
  const common = Math.min(aTo - aFrom, bTo - bFrom);
  const end = Math.min(common, SHORT_BYTES);
  for (let i = 0; i < end; i++) {
    const difference = (a[aFrom + i] ?? 0) - (b[bFrom + i] ?? 0);
    if (difference !== 0) return difference;
  }
  if (common > SHORT_BYTES) return a.compare(b, bFrom + end, bTo, aFrom + end, aTo);
  return aTo - aFrom - (bTo - bFrom);
}

/** How many bytes both begin with. */
export function sharedBytes(
  a: Buffer,
  aFrom: number,
  aTo: number,
  b: Buffer,
  bFrom: number,
  bTo: number,
): number {
  const common = Math.min(aTo - aFrom, bTo - bFrom);
  let shared = 0;
  while (shared < common && a[aFrom + shared] === b[bFrom + shared]) shared += 1;
  return shared;
}

/** A hash of 32 bits of the key in bytes[from, to), for filters: the same in every process, and no defence against chosen keys. */
export function hashKey(bytes: Buffer, from: number, to: number): number {
  let hash = 0x9747_b28c ^ (to - from);
  for (let i = from; i < to; i++) {
    hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x5bd1_e995);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash ^ (hash >>> 13), 0x85eb_ca6b);
  return (hash ^ (hash >>> 16)) >>> 0;
}
