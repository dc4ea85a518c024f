/** Compares the keys in a[aFrom, aTo) and b[bFrom, bTo) byte by byte: below 0, 0 or above. */
export function compareKeys(
  a: Buffer,
  aFrom: number,
  aTo: number,
  b: Buffer,
  bFrom: number,
  bTo: number,
): number {
  const shared = Math.min(aTo - aFrom, bTo - bFrom);
  for (let i = 0; i < shared; i++) {
    const difference = (a[aFrom + i] ?? 0) - (b[bFrom + i] ?? 0);
    if (difference !== 0) return difference;
  }
  return aTo - aFrom - (bTo - bFrom);
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
