// Run under strace: makes every write call of a store so many times, in both modes, each in a directory DIR/MODE/CALL of its own.
import { join } from "node:path";
import { Store } from "@raftkv/store";
import { CALLS, CALLS_EACH, MODES } from "./write-calls.js";
import type { WriteCall } from "./write-calls.js";

const VALUE = Buffer.alloc(64, "v");

const keyOf = (number: number): Buffer => Buffer.from(`${number}/key`);
const prefixOf = (number: number): Buffer => Buffer.from(`${number}/`);

/** One call; `number` counts from 1 and is the index of the entry, where it comes out of a log. */
async function call(store: Store, kind: WriteCall, number: number): Promise<void> {
  switch (kind) {
    case "applyMutations":
      await store.applyMutations([{ kind: "put", key: keyOf(number), value: VALUE }]);
      return;
    case "deletePrefixAt":
      await store.deletePrefixAt(prefixOf(number));
      return;
    case "applyMutationsRaft": {
      const batch = store.beginBatch();
      batch.beginEntry(number, 1);
      batch.put(keyOf(number), VALUE);
      await store.applyMutationsRaft(batch);
      return;
    }
    case "deletePrefixAtRaft":
      await store.deletePrefixAtRaft({ index: number, term: 1 }, prefixOf(number));
  }
}

const [dir = ""] = process.argv.slice(2);
const numbers = Array.from({ length: CALLS_EACH }, (_, i) => i + 1);
for (const mode of MODES) {
  for (const kind of CALLS) {
    const store = await Store.open(join(dir, mode, kind), { mode });
    // What the deletes find: one direct write, in each store, and so one in each count.
    await store.applyMutations(numbers.map((n) => ({ kind: "put", key: keyOf(n), value: VALUE })));
    if (kind.endsWith("Raft")) store.attachGroup({ smallState: () => new Map() });
    for (const number of numbers) await call(store, kind, number);
    await store.close();
  }
}
