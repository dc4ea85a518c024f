import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import type { Database } from "./database.js";
import type { History } from "./history.js";
import { decodeRecord } from "./record.js";
import { ALL_LATEST, keyOfLatest } from "./record-keys.js";
import { isDeletion } from "./version.js";
import type { Version } from "./version.js";

/** Entries read and hashed in one turn of the event loop: a millisecond or two. */
const ENTRIES_PER_TURN = 256;
const READ_AHEAD_BYTES = 256 * 1024;
const FACTS_BYTES = 32;
const TWO_POW_32 = 2 ** 32;

/**
 * SHA-256, as hex digits, over every key that is alive at `revision`, in byte order: the lengths of key and value (4
 * bytes each), create revision, modify revision and version (8 bytes each), all little-endian, then key and value.
 * Nothing in it depends on LevelDB's layout, on checkpoints or on how entries were batched, so replicas can compare.
 *
 * LevelDB must have every change up to `revision`. Writes may go on: a newer version is followed back to the one asked.
 */
export async function hashContents(database: Database, history: History, revision: number): Promise<string> {
  const hash = createHash("sha256");
  const iterator = database.iterator({ ...ALL_LATEST, highWaterMarkBytes: READ_AHEAD_BYTES });
  try {
    for (;;) {
      const records = await iterator.nextv(ENTRIES_PER_TURN);
      if (records.length === 0) return hash.digest("hex");
      for (const [recordKey, record] of records) {
        const key = keyOfLatest(recordKey);
        const latest = decodeRecord(key.toString("latin1"), record, database.location);
        const version = history.at(latest, key, revision);
        if (version !== null && !isDeletion(version)) addVersion(hash, history, key, version);
      }
    }
  } finally {
    await iterator.close();
  }
}

function addVersion(hash: Hash, history: History, key: Buffer, version: Version): void {
  const { source, valueStart, valueEnd } = history.withValue(version, key);
  const facts = Buffer.allocUnsafe(FACTS_BYTES + key.length);
  facts.writeUInt32LE(key.length, 0);
  facts.writeUInt32LE(valueEnd - valueStart, 4);
  writeSafeInteger(facts, version.createRevision, 8);
  writeSafeInteger(facts, version.modRevision, 16);
  writeSafeInteger(facts, version.version, 24);
  facts.set(key, FACTS_BYTES);
  hash.update(facts);
  hash.update(source.subarray(valueStart, valueEnd));
}

function writeSafeInteger(target: Buffer, value: number, offset: number): void {
  target.writeUInt32LE(value % TWO_POW_32, offset);
  target.writeUInt32LE(Math.floor(value / TWO_POW_32), offset + 4);
}
