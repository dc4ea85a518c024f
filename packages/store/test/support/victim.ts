// A process that applies a log until it is killed: node victim.js DIRECTORY SEED. Reports after each batch.
import { applyTo, durableNow, openWithGroup, randomLog } from "./log.js";
import { Random } from "./random.js";

const [directory = "", seed = ""] = process.argv.slice(2);
const operations = randomLog(new Random(Number(seed)), 4_000);
const random = new Random(process.pid);
const store = await openWithGroup(directory, { cacheBytes: 20_000, headerBytesMax: 5_000 });
let checkpoint: Promise<unknown> = Promise.resolve();
while (store.applied.index < operations.length) {
  await applyTo(store, operations, Math.min(operations.length, store.applied.index + 1 + random.below(20)));
  if (random.chance(0.1)) {
    await checkpoint;
    checkpoint = store.checkpoint(durableNow);
  }
  await new Promise((resolve) => setImmediate(resolve));
  process.send?.(store.applied.index);
}
await checkpoint;
await store.close();
