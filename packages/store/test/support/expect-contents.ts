import { expect } from "chai";
import { CompactedError } from "@raftkv/store";
import type { ChangeList, KeyRange, KeyValue, RangeQuery, Store } from "@raftkv/store";
import { KEYS, LEASES } from "./log.js";
import type { Model } from "./model.js";
import type { Random } from "./random.js";

/** Everything that can be read of a store, as the model has it at the applied index; at older revisions by chance. */
export async function expectContents(store: Store, model: Model, random: Random): Promise<void> {
  const revision = model.revisionAt[store.applied.index] ?? -1;
  const floor = model.floorAt[store.applied.index] ?? -1;
  expect([store.revision, store.compactionFloor]).to.deep.equal([revision, floor]);
  for (const key of model.keys) {
    const older = floor + random.below(revision - floor + 1);
    expect(store.get(key), key.toString("hex")).to.deep.equal(model.get(key, revision));
    expect(store.get(key, { revision: older }), key.toString("hex")).to.deep.equal(model.get(key, older));
  }
  if (floor > 0) expect(() => store.get(Buffer.from("a"), { revision: floor - 1 })).to.throw(CompactedError);
  for (let i = 0; i < 4; i++) await expectRange(store, model, random);
  await expectLeases(store, model);
  await expectChanges(store, model, random);
  expect((await store.sizes()).keys).to.equal(model.range({ range: ALL, revision }).length);
  const { hash } = await store.hash();
  expect(hash).to.equal(model.hash(revision));
}

const ALL: KeyRange = { start: Buffer.alloc(0), end: null };

/** A random query, and what the model has for it. */
async function expectRange(store: Store, model: Model, random: Random): Promise<void> {
  const { revision, compactionFloor } = store;
  const bound = (): number => random.below(revision + 2);
  const query: RangeQuery = {
    range: random.chance(0.3)
      ? ALL
      : { start: random.pick(KEYS), end: random.chance(0.2) ? null : random.pick(KEYS) },
    ...(random.chance(0.5) && { revision: compactionFloor + random.below(revision - compactionFloor + 1) }),
    ...(random.chance(0.5) && { order: random.pick(["ascending", "descending"] as const) }),
    ...(random.chance(0.5) && { limit: random.below(10) }),
    ...(random.chance(0.3) && { maxBytes: random.below(500) }),
    ...(random.chance(0.2) && { keysOnly: true }),
    ...(random.chance(0.2) && { countOnly: true }),
    ...(random.chance(0.2) && { minModRevision: bound() }),
    ...(random.chance(0.2) && { maxModRevision: bound() }),
    ...(random.chance(0.2) && { minCreateRevision: bound() }),
    ...(random.chance(0.2) && { maxCreateRevision: bound() }),
  };
  const asked = query.revision ?? revision;
  const matching = model.range({ ...query, revision: asked });
  const result = await store.range(query);
  const entries = query.countOnly === true ? [] : cut(matching, query);
  const more = query.countOnly !== true && entries.length < matching.length;
  const expected = { revision: asked, entries, more, count: more ? null : matching.length };
  expect(result, JSON.stringify(query)).to.deep.equal(expected);
}

/** As many as the limits allow, at least one. */
function cut(matching: readonly KeyValue[], query: RangeQuery): KeyValue[] {
  const entries: KeyValue[] = [];
  let bytes = 0;
  for (const entry of matching) {
    if (entries.length === (query.limit || Number.POSITIVE_INFINITY)) return entries;
    bytes += entry.key.length + entry.value.length;
    if (bytes > (query.maxBytes ?? Number.POSITIVE_INFINITY) && entries.length > 0) return entries;
    entries.push(entry);
  }
  return entries;
}

async function expectLeases(store: Store, model: Model): Promise<void> {
  const entries = model.range({ range: ALL, revision: store.revision });
  for (const lease of LEASES) {
    const loaded = await store.loadLease(lease);
    const found = loaded.map(({ value, ...facts }) => ({ ...facts, value: value() }));
    expect(found, `lease ${lease}`).to.deep.equal(entries.filter((entry) => entry.lease === lease));
  }
}

/** The list of changes from somewhere above the floor on, in pieces. */
async function expectChanges(store: Store, model: Model, random: Random): Promise<void> {
  const { revision, compactionFloor } = store;
  const from = compactionFloor + 1 + random.below(revision - compactionFloor + 1);
  const limit = { maxChanges: random.pick([1, 10, 1_000]), maxBytes: random.pick([1, 200, 100_000]) };
  const found: ChangeList["changes"][number][] = [];
  for (let next = from; next <= revision;) {
    const list = await store.changes(next, limit);
    expect(list.nextRevision).to.be.above(next);
    for (const change of list.changes) expect(change.revision).to.be.within(next, list.nextRevision - 1);
    expect(
      new Set(list.changes.slice(0, -1).map((change) => change.revision)).size,
      "beyond the limit",
    ).to.be.at.most(limit.maxChanges);
    found.push(...list.changes.map((change) => ({ ...change, value: Buffer.from(change.value) })));
    next = list.nextRevision;
  }
  const expected = model.changes.filter((change) => change.revision >= from && change.revision <= revision);
  expect(found, `from ${from}`).to.deep.equal(expected);
  if (compactionFloor > 0) {
    const refused = await store.changes(compactionFloor, limit).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(CompactedError).with.property("floor", compactionFloor);
  }
}
