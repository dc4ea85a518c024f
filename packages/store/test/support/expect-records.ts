import { expect } from "chai";
import { decodeRecord } from "../../dist/record.js";
import { attachedKey, changeKey, latestKey } from "../../dist/record-keys.js";
import type { Store } from "@raftkv/store";
import { durableNow } from "./log.js";
import type { Model } from "./model.js";

/**
 * Every record that LevelDB must hold once all history below `model.floor` is collected, and none besides: of each key the
 * changes above the floor, the newest one at or below it unless it is a deletion, the latest version likewise, and the
 * index of leases. Facts that differ between replicas are left out.
 */
export function expectRecords(records: ReadonlyMap<string, Buffer>, model: Model): void {
  const expected = new Map<string, unknown>();
  for (const key of model.keys) {
    const changes = model.changes.filter((change) => key.equals(change.key));
    const kept = changes.filter(({ revision, kind }, i) => {
      const next = changes[i + 1]?.revision ?? Number.POSITIVE_INFINITY;
      return revision > model.floor || (next > model.floor && kind === "put");
    });
    for (const [i, change] of kept.entries()) {
      const { revision, sub, version, lease } = change;
      const facts = { revision, sub, version, lease, created: change.createRevision };
      const value = Buffer.from(change.value).toString("latin1");
      expected.set(changeKey(revision, key).toString("hex"), { ...facts, value });
      if (i < kept.length - 1) continue;
      expected.set(latestKey(key).toString("hex"), facts);
      if (lease !== 0) expected.set(attachedKey(lease, key).toString("hex"), null);
    }
  }
  expect([...records.keys()].sort()).to.deep.equal([...expected.keys()].sort());
  for (const [key, record] of records) expect(factsOf(key, record), key).to.deep.equal(expected.get(key));
}

function factsOf(key: string, record: Buffer): unknown {
  if (record.length === 0) return null;
  const { modRevision, sub, version, lease, createRevision, valueStart } = decodeRecord("", record, "");
  const facts = { revision: modRevision, sub, version, lease, created: createRevision };
  return key.startsWith("48") ? { ...facts, value: record.toString("latin1", valueStart) } : facts;
}

/** Resolves when everything is collected that the floor in the D file makes useless. */
export async function whenCollected(store: Store): Promise<void> {
  while (store.collected < (store.checkpointed?.floor ?? 0)) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Brings a store to an end at which nothing is left to collect, and closes it. */
export async function collectAndClose(store: Store): Promise<void> {
  await store.checkpoint(durableNow);
  await whenCollected(store);
  await store.close({ checkpoint: durableNow });
}
