import { Store } from "@raftkv/store";
import type { MutationBatch } from "@raftkv/store";
import type { KeyOperation, Operation } from "./model.js";
import { Model } from "./model.js";
import type { Random } from "./random.js";

/** Few keys, so that they are written again and again, and some that are easy to confuse (S7). */
const AWKWARD = [
  "",
  "\x00",
  "a",
  "a\x00",
  "a\x00\x00",
  "a\x01",
  "a\xff",
  "a\xff\xff",
  "\xff",
  "\xff\xff",
  "b",
];
export const KEYS: readonly Buffer[] = [
  ...AWKWARD.map((text) => Buffer.from(text, "latin1")),
  ...Array.from({ length: 8 }, (_, i) => Buffer.from(`key-${i}`)),
];
export const LEASES: readonly number[] = [1, 2, 255, 256, 2 ** 32, 2 ** 53 - 2];

/** A log of random operations: entry i is `operations[i - 1]`. */
export function randomLog(random: Random, length: number): Operation[] {
  const operations: Operation[] = [];
  for (let i = 0; i < length; i++) {
    const dice = random.next();
    if (dice < 0.05) operations.push({ kind: "noop" });
    else if (dice < 0.08) operations.push({ kind: "compact", behind: random.below(40) });
    else if (dice < 0.15) operations.push({ kind: "txn", operations: randomTransaction(random, i) });
    else operations.push(randomChange(random, i));
  }
  return operations;
}

function randomChange(random: Random, i: number): KeyOperation {
  const key = random.pick(KEYS);
  if (random.chance(0.2)) return { kind: "delete", key };
  const lease = random.chance(0.4) ? random.pick(LEASES) : 0;
  return { kind: "put", key, value: randomValue(random, i), lease };
}

/** Changes of different keys, in any order. */
function randomTransaction(random: Random, i: number): KeyOperation[] {
  const changes = new Map<string, KeyOperation>();
  for (let n = random.below(6); n > 0; n--) {
    const change = randomChange(random, i);
    changes.set(change.key.toString("latin1"), change);
  }
  return [...changes.values()];
}

/** Mostly small; some empty, some at and around the size up to which a value is stored twice. */
function randomValue(random: Random, i: number): Buffer {
  const length = random.pick([0, 1, 10, 10, 10, 30, 63, 64, 65, 200]);
  return Buffer.alloc(length, `v${i}.`);
}

export const TEST_INLINE_BYTES_MAX = 64;

export function modelOf(operations: readonly Operation[]): Model {
  const model = new Model();
  for (const operation of operations) model.apply(operation);
  return model;
}

/** Applies the entries behind the store's applied index, up to `to` included, as one batch of term 1. */
export async function applyTo(store: Store, operations: readonly Operation[], to: number): Promise<void> {
  const batch = store.beginBatch();
  for (let index = store.applied.index + 1; index <= to; index++) {
    batch.beginEntry(index, 1);
    const operation = operations[index - 1];
    if (operation?.kind === "txn") for (const change of operation.operations) applyChange(batch, change);
    else if (operation?.kind === "compact") {
      const floor = batch.revision - operation.behind;
      if (floor > store.compactionFloor) batch.compact(floor);
    } else if (operation !== undefined && operation.kind !== "noop") applyChange(batch, operation);
  }
  await store.applyMutationsRaft(batch);
}

function applyChange(batch: MutationBatch, change: KeyOperation): void {
  if (change.kind === "put") batch.put(change.key, change.value, change.lease);
  else batch.delete(change.key);
}

/** The same in batches of random sizes. */
export async function applyInSplits(
  store: Store,
  operations: readonly Operation[],
  to: number,
  random: Random,
): Promise<void> {
  while (store.applied.index < to) {
    await applyTo(store, operations, Math.min(to, store.applied.index + 1 + random.below(12)));
  }
}

/** With a group whose small state is the applied index, as a byte string under the name `index`. */
export async function openWithGroup(...args: Parameters<typeof Store.open>): Promise<Store> {
  const [directory, options, disk] = args;
  const store = await Store.open(directory, { inlineValueBytesMax: TEST_INLINE_BYTES_MAX, ...options }, disk);
  store.attachGroup({ smallState: () => new Map([["index", Buffer.from(`${store.applied.index}`)]]) });
  return store;
}

export const durableNow = (): Promise<void> => Promise.resolve();

/** Resolves when LevelDB has everything. */
export async function whenWritten(store: Store): Promise<void> {
  while (store.unwrittenBytes > 0) await new Promise((resolve) => setImmediate(resolve));
}
