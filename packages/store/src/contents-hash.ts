import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import type { SmallState } from "./checkpoint-file.js";
import { LatestScan, nextTurn } from "./latest-scan.js";
import type { ScanSource } from "./latest-scan.js";
import type { Position } from "./position.js";
import { aliveAt } from "./range.js";
import { shortParts } from "./small-state.js";
import type { Version } from "./version.js";

const FACTS_BYTES = 40;
/** Keys of one step of a reading that is to go unnoticed: their values may have to come from the disk one by one. */
const PACED_KEYS = 32;

/** Is told how many ms a step took, and resolves when the next one may begin. */
export type Pace = (tookMs: number) => Promise<void>;

const TWO_POW_32 = 2 ** 32;

/**
 * SHA-256, as hex digits, over every key that is alive at `revision`, in byte order: the lengths of key and value (4
 * bytes each), create revision, modify revision, version and lease (8 bytes each), all little-endian, then key and
 * value. Nothing in it depends on LevelDB's layout, on checkpoints, on what was collected or on how entries were
 * batched, so replicas can compare.
 *
 * Writes may go on: it is of the moment of the call, and a newer version is followed back to the revision asked.
 */
export async function hashContents(
  source: ScanSource,
  revision: number,
  pace: Pace | null = null,
): Promise<string> {
  const hash = createHash("sha256");
  const scan = new LatestScan(source, { start: new Uint8Array(0), end: null });
  try {
    for (;;) {
      const startMs = performance.now();
      const keys = await scan.next(pace === null ? undefined : PACED_KEYS);
      if (keys.length === 0) return hash.digest("hex");
      for (const scanned of keys) {
        const version = aliveAt(source, scanned, revision);
        if (version !== null) addKey(hash, scanned.key, source.history.withValue(version, scanned.key));
      }
      await pace?.(performance.now() - startMs);
    }
  } finally {
    await scan.close();
  }
}

/**
 * SHA-256, as hex digits, over the small state and the compaction floor: the floor (8 bytes, little-endian), then for
 * each name, ascending, the lengths of name and bytes (4 bytes each), name and bytes.
 */
export async function hashSmallState(state: SmallState, floor: number): Promise<string> {
  const hash = createHash("sha256");
  const floorBytes = Buffer.alloc(8);
  writeSafeInteger(floorBytes, floor, 0);
  hash.update(floorBytes);
  for (const name of [...state.keys()].sort()) {
    const bytes = state.get(name) ?? new Uint8Array(0);
    const lengths = Buffer.alloc(8);
    lengths.writeUInt32LE(Buffer.byteLength(name), 0);
    lengths.writeUInt32LE(bytes.length, 4);
    hash.update(lengths);
    hash.update(name);
    for (const part of shortParts(bytes)) {
      hash.update(part);
      await nextTurn();
    }
  }
  return hash.digest("hex");
}

/** SHA-256, as hex digits, over applied index and revision (8 bytes each, little-endian) and both hashes as they are printed. */
export function hashWhole(
  position: Pick<Position, "index" | "revision">,
  contents: string,
  state: string,
): string {
  const numbers = Buffer.alloc(16);
  writeSafeInteger(numbers, position.index, 0);
  writeSafeInteger(numbers, position.revision, 8);
  return createHash("sha256").update(numbers).update(contents).update(state).digest("hex");
}

/** Adds one key that is alive; `version` has its value. */
export function addKey(hash: Hash, key: Buffer, version: Version): void {
  const { valueStart, valueEnd } = version;
  const facts = Buffer.allocUnsafe(FACTS_BYTES + key.length);
  facts.writeUInt32LE(key.length, 0);
  facts.writeUInt32LE(valueEnd - valueStart, 4);
  writeSafeInteger(facts, version.createRevision, 8);
  writeSafeInteger(facts, version.modRevision, 16);
  writeSafeInteger(facts, version.version, 24);
  writeSafeInteger(facts, version.lease, 32);
  facts.set(key, FACTS_BYTES);
  hash.update(facts);
  hash.update(version.source.subarray(valueStart, valueEnd));
}

function writeSafeInteger(target: Buffer, value: number, offset: number): void {
  target.writeUInt32LE(value % TWO_POW_32, offset);
  target.writeUInt32LE(Math.floor(value / TWO_POW_32), offset + 4);
}
