/** What a snapshot carries: all kinds of records but the barrier, which says nothing (see record-keys.ts). */
const KINDS: readonly number[] = [0x41, 0x48, 0x4c]; // A, H, L

/** From the first to the last kind; the barrier lies in between and is passed over. */
export const RECORD_RANGE = {
  gte: Buffer.from([Math.min(...KINDS)]),
  lt: Buffer.from([Math.max(...KINDS) + 1]),
} as const;

export function travels(key: Buffer): boolean {
  return KINDS.includes(key[0] ?? 0);
}
