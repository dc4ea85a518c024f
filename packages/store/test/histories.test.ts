import { expect } from "chai";
import {
  array,
  assert,
  asyncProperty,
  constant,
  constantFrom,
  integer,
  nat,
  oneof,
  record,
  uniqueArray,
} from "fast-check";
import type { Arbitrary } from "fast-check";
import { join } from "node:path";
import type { Store } from "@raftkv/store";
import { makeDirectory, removeDirectories } from "./support/directory.js";
import { expectContents } from "./support/expect-contents.js";
import { collectAndClose, expectRecords, whenCollected } from "./support/expect-records.js";
import { KEYS, LEASES, applyTo, durableNow, modelOf, openWithGroup } from "./support/log.js";
import type { KeyOperation, Model, Operation } from "./support/model.js";
import { Random } from "./support/random.js";
import { RecordingDisk, dumpRecords, layOut } from "./support/recording-disk.js";

/** More of them: RAFTKV_TEST_HISTORIES=3000 TMPDIR=/dev/shm npm test -- packages/store/test/histories.test.ts */
const HISTORIES = Number(process.env["RAFTKV_TEST_HISTORIES"] ?? 40);
const SECONDS_EACH = 5;

type Step =
  /** So many entries of the log as one batch. */
  | { readonly kind: "apply"; readonly entries: number }
  | { readonly kind: "checkpoint" | "checkpoint that the log does not cover" | "collect" | "read" | "yield" }
  | { readonly kind: "close" | "kill" }
  /** Takes LevelDB's unsynced batches, which of them follows from `seed`. */
  | { readonly kind: "power loss"; readonly seed: number };

const key = constantFrom(...KEYS.slice(0, 12));
const change: Arbitrary<KeyOperation> = oneof(
  {
    weight: 3,
    arbitrary: record({
      kind: constant("put" as const),
      key,
      value: constantFrom(0, 1, 20, 63, 64, 65, 200).map((length) => Buffer.alloc(length, "v")),
      lease: oneof(constant(0), constantFrom(...LEASES)),
    }),
  },
  { weight: 1, arbitrary: record({ kind: constant("delete" as const), key }) },
);
const operation: Arbitrary<Operation> = oneof(
  { weight: 12, arbitrary: change },
  {
    weight: 2,
    arbitrary: record({
      kind: constant("txn" as const),
      operations: uniqueArray(change, { maxLength: 5, selector: (made) => made.key.toString("latin1") }),
    }),
  },
  { weight: 1, arbitrary: record({ kind: constant("compact" as const), behind: nat(20) }) },
  { weight: 1, arbitrary: constant<Operation>({ kind: "noop" }) },
);
const step: Arbitrary<Step> = oneof(
  {
    weight: 8,
    arbitrary: record({ kind: constant("apply" as const), entries: integer({ min: 1, max: 15 }) }),
  },
  {
    weight: 5,
    arbitrary: constantFrom<Step>(
      { kind: "checkpoint" },
      { kind: "checkpoint" },
      { kind: "checkpoint that the log does not cover" },
      { kind: "collect" },
      { kind: "read" },
      { kind: "yield" },
    ),
  },
  { weight: 1, arbitrary: constantFrom<Step>({ kind: "close" }, { kind: "kill" }) },
  { weight: 1, arbitrary: record({ kind: constant("power loss" as const), seed: nat() }) },
);
const history = record({
  operations: array(operation, { minLength: 10, maxLength: 120, size: "max" }),
  steps: array(step, { minLength: 3, maxLength: 30, size: "max" }),
  cacheBytes: constantFrom(0, 5_000, 1_000_000),
  headerBytesMax: constantFrom(0, 2_000, 1_000_000),
  unwrittenBytesMax: constantFrom(0, 1_000_000),
  unsettledBytesMax: constantFrom(0, 3_000, 1_000_000),
  collectedPerStep: constantFrom(4, 30, 40_000),
});
type History = typeof history extends Arbitrary<infer Value> ? Value : never;

describe("Any history of a store", function () {
  this.timeout(HISTORIES * SECONDS_EACH * 1_000);
  afterEach(removeDirectories);

  it("S3: has the model's contents at every step, and the same hash when it is opened at D and given (D, N] again", async () => {
    await assert(
      asyncProperty(history, async (lived) => {
        await new Life(lived, await makeDirectory()).run();
        await removeDirectories();
      }),
      { numRuns: HISTORIES, ...replay() },
    );
  });
});

/** What fast-check prints for a failure, "seed:path", runs that one again. */
function replay(): { seed?: number; path?: string } {
  const [seed, ...path] = (process.env["RAFTKV_TEST_HISTORY"] ?? "").split(":");
  return seed === undefined || seed === "" ? {} : { seed: Number(seed), path: path.join(":") };
}

/** A store's way through a history, from one directory to the next at each power loss. */
class Life {
  readonly #history: History;
  readonly #model: Model;
  readonly #root: string;
  readonly #random = new Random(1);
  #lives = 0;
  #directory: string;
  #disk = new RecordingDisk();

  constructor(lived: History, root: string) {
    this.#history = lived;
    this.#model = modelOf(lived.operations);
    this.#root = root;
    this.#directory = join(root, "0", "1");
  }

  async run(): Promise<void> {
    const { steps, operations } = this.#history;
    let store = await this.#open();
    for (const taken of steps) store = await this.#take(store, taken);
    await applyTo(store, operations, operations.length);
    await this.#expect(store);
    const { hash } = await store.hashState();
    await store.close();
    store = await this.#open();
    await applyTo(store, operations, operations.length);
    expect((await store.hashState()).hash).to.equal(hash);
    await collectAndClose(store);
    expectRecords(await dumpRecords(this.#directory), this.#model);
  }

  async #take(store: Store, taken: Step): Promise<Store> {
    const { operations } = this.#history;
    switch (taken.kind) {
      case "apply":
        await applyTo(store, operations, Math.min(operations.length, store.applied.index + taken.entries));
        return store;
      case "checkpoint":
        await store.checkpoint(durableNow);
        return store;
      case "checkpoint that the log does not cover":
        await store.checkpoint(() => Promise.reject(new Error("not durable"))).catch(() => undefined);
        return store;
      case "collect":
        await whenCollected(store);
        return store;
      case "read":
        await this.#expect(store);
        return store;
      case "yield":
        await new Promise((resolve) => setImmediate(resolve));
        return store;
      case "close":
        await store.close({ checkpoint: durableNow });
        return this.#open();
      case "kill":
        await store.close();
        return this.#open();
      case "power loss":
        return this.#losePower(store, new Random(taken.seed));
    }
  }

  async #losePower(store: Store, random: Random): Promise<Store> {
    const { events } = this.#disk;
    // Mostly what just happened is what is torn.
    const length = random.chance(0.7)
      ? Math.max(0, events.length - random.below(6))
      : random.below(events.length + 1);
    const remains = this.#disk.powerLoss(length, this.#directory, random);
    await store.close();
    this.#lives += 1;
    this.#directory = join(this.#root, `${this.#lives}`, "1");
    await layOut(remains, this.#directory);
    this.#disk = new RecordingDisk(remains.checkpoint === null ? undefined : remains);
    return this.#open();
  }

  async #open(): Promise<Store> {
    const { cacheBytes, headerBytesMax, unwrittenBytesMax, unsettledBytesMax, collectedPerStep } =
      this.#history;
    const options = { cacheBytes, headerBytesMax, unwrittenBytesMax, unsettledBytesMax, collectedPerStep };
    const store = await openWithGroup(this.#directory, options, this.#disk);
    expect(store.revision).to.equal(this.#model.revisionAt[store.applied.index]);
    return store;
  }

  #expect(store: Store): Promise<void> {
    return expectContents(store, this.#model, this.#random);
  }
}
