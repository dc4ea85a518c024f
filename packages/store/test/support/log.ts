import { Store } from "@raftkv/store";
import type { Operation } from "./model.js";
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

/** A log of random operations: entry i is `operations[i - 1]`. */
export function randomLog(random: Random, length: number): Operation[] {
  const keys = AWKWARD.map((text) => Buffer.from(text, "latin1"));
  for (let i = 0; i < 8; i++) keys.push(Buffer.from(`key-${i}`));
  const operations: Operation[] = [];
  for (let i = 0; i < length; i++) {
    const key = random.pick(keys);
    const dice = random.next();
    if (dice < 0.08) operations.push({ kind: "noop" });
    else if (dice < 0.25) operations.push({ kind: "delete", key });
    else operations.push({ kind: "put", key, value: randomValue(random, i) });
  }
  return operations;
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
    if (operation?.kind === "put") batch.put(operation.key, operation.value);
    if (operation?.kind === "delete") batch.delete(operation.key);
  }
  await store.applyMutationsRaft(batch);
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

export async function openWithGroup(...args: Parameters<typeof Store.open>): Promise<Store> {
  const [directory, options, disk] = args;
  const store = await Store.open(directory, { inlineValueBytesMax: TEST_INLINE_BYTES_MAX, ...options }, disk);
  store.attachGroup();
  return store;
}

export const durableNow = (): Promise<void> => Promise.resolve();
