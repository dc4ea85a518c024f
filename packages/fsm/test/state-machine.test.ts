import { expect } from "chai";
import { StateMachine, bootstrapCatalog } from "@raftkv/fsm";
import type { Command, CommandResult } from "@raftkv/fsm";
import {
  GroupAttachedError,
  InvariantViolation,
  Store,
  StoreFailedError,
  collectState,
  hashSmallState,
  hashWhole,
} from "@raftkv/store";
import { bytes, del, entries, entry, makeDirectory, put, removeDirectories } from "./support/machine.js";

const durableNow = (): Promise<void> => Promise.resolve();

describe("The state machine", () => {
  let directory: string;
  let store: Store;
  let failures: StoreFailedError[];
  let machine: StateMachine;

  beforeEach(async () => {
    directory = await makeDirectory();
    failures = [];
    store = await Store.open(directory, { onFailure: (error) => failures.push(error) });
    await bootstrapCatalog(store);
    machine = new StateMachine(store);
  });
  afterEach(async () => {
    await store.close();
    await removeDirectories();
  });

  it("answers each command with its revision, the first of all being 2 as in etcd", async () => {
    expect(
      await machine.apply(entries(1, [put("a", "1"), put("b", "2"), put("a", "3"), del("b")])),
    ).to.deep.equal([
      { kind: "put", revision: 2, previous: null },
      { kind: "put", revision: 3, previous: null },
      { kind: "put", revision: 4, previous: null },
      { kind: "delete", revision: 5, deleted: 1, previous: [] },
    ]);
    const { value, ...counters } = store.get(bytes("a")) ?? {};
    expect(value).to.deep.equal(bytes("3"));
    expect(counters).to.deep.equal({
      key: bytes("a"),
      createRevision: 2,
      modRevision: 4,
      version: 2,
      lease: 0,
    });
    expect(store.get(bytes("b"))).to.equal(null);
  });

  it("stops behind the entry whose answer brings the batch's to the limit, and goes on there (C7)", async () => {
    const value = new Uint8Array(1_000);
    const again: Command = { kind: "put", key: bytes("a"), value, lease: 0, wantPrevious: true };
    const all = entries(1, [again, again, again, again, put("b", "1")]);
    const first = await machine.apply(all, 2_000);
    expect(first.map((result) => result?.kind === "put" && result.revision)).to.deep.equal([2, 3, 4]);
    expect(store.applied.index).to.equal(3);
    expect(await machine.apply(all.slice(3), 2_000)).to.have.length(2);
    expect(store.applied.index).to.equal(5);
  });

  it("tells of the point at which replicas are to be compared, as of that entry wherever a batch ends (F1)", async () => {
    const log: Command[] = [
      put("a", "1"),
      { kind: "leaseGrant", ttlMs: 5_000 },
      put("a", "2"),
      { kind: "hashCheck" },
      put("a", "3"),
      del("a"),
      { kind: "leaseRevoke", lease: 2 },
    ];
    const told: string[] = [];
    machine.onHashCheck = (point) => {
      const state = collectState(point.state()).then((pieces) => hashSmallState(pieces, point.floor));
      const hashed = async (): Promise<void> => {
        // Not in the middle of the batch.
        await Promise.resolve();
        const contents = await store.hashSlowly(point.revision, () => Promise.resolve());
        told.push(hashWhole(point, contents, await state));
      };
      void hashed();
    };
    const all = entries(1, log);
    await machine.apply(all);
    const other = await Store.open(`${directory}/other`);
    await bootstrapCatalog(other);
    const replica = new StateMachine(other);
    for (const one of all.slice(0, 4)) await replica.apply([one]);
    const { hash } = await other.hashState();
    await other.close();
    while (told.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(told).to.deep.equal([hash]);
  });

  it("a delete of what is not there takes no revision and answers with the current one", async () => {
    expect(
      await machine.apply(entries(1, [put("a", "1"), del("missing"), del("a"), del("a")])),
    ).to.deep.equal([
      { kind: "put", revision: 2, previous: null },
      { kind: "delete", revision: 2, deleted: 0, previous: [] },
      { kind: "delete", revision: 3, deleted: 1, previous: [] },
      { kind: "delete", revision: 3, deleted: 0, previous: [] },
    ]);
  });

  it("F2: entries that are no command move the applied index, and nothing else; so does an empty advance", async () => {
    expect(await machine.apply(entries(1, ["noop", "configuration", put("a", "1"), "noop"]))).to.deep.equal([
      null,
      null,
      { kind: "put", revision: 2, previous: null },
      null,
    ]);
    expect(store.applied).to.deep.equal({ index: 4, term: 1 });
    expect(await machine.apply([])).to.deep.equal([]);
    expect(store.applied).to.deep.equal({ index: 4, term: 1 });
  });

  it("S5: what is applied can be read as soon as the call returns, all of an advance at once", async () => {
    const applied = machine.apply(entries(1, [put("a", "1"), put("a", "2"), del("b")]));
    expect(store.get(bytes("a"))?.value).to.deep.equal(bytes("2"));
    expect(store.applied.index).to.equal(3);
    await applied;
  });

  it("F4: what apply did not expect goes to the caller, and the store serves nothing after it", async () => {
    const broken = { index: 2, term: 1, kind: "command", body: Uint8Array.of(1, 99) } as const;
    const error = await machine
      .apply([entry(1, put("a", "1")), broken, entry(3, put("b", "2"))])
      .catch((e: unknown) => e);
    expect(error).to.have.property("code", "BAD_COMMAND");
    expect(failures.map((failure) => failure.cause)).to.deep.equal([error]);
    expect(() => store.get(bytes("a"))).to.throw(StoreFailedError);
    const next = await machine.apply([entry(2, put("a", "2"))]).catch((e: unknown) => e);
    expect(next).to.be.instanceOf(StoreFailedError);
    await store.close();
    store = await Store.open(directory);
    expect([store.revision, store.applied.index]).to.deep.equal([1, 0]);
  });

  it("F4: an entry that is missing or comes twice stops it as well", async () => {
    await machine.apply(entries(1, [put("a", "1")]));
    const error = await machine.apply([entry(3, put("a", "2"))]).catch((e: unknown) => e);
    expect(error).to.be.instanceOf(InvariantViolation);
    expect(failures).to.have.length(1);
  });

  it("S6: takes the store for itself: direct writes are refused", async () => {
    const error = await store.applyMutations([]).catch((e: unknown) => e);
    expect(error).to.be.instanceOf(GroupAttachedError);
    expect(() => new StateMachine(store)).to.throw(InvariantViolation);
  });

  it("F1: the same log gives the same results and contents, however it is split, checkpointed and reopened", async () => {
    const commands: (Command | "noop")[] = [];
    for (let i = 0; i < 300; i++) {
      const key = `k${(i * i) % 13}`;
      commands.push(i % 11 === 0 ? "noop" : i % 5 === 0 ? del(key) : put(key, `v${i}`));
    }
    const straight = await machine.apply(entries(1, commands));
    const { hash } = await store.hash();

    for (const step of [1, 7, 50]) {
      const otherDirectory = await makeDirectory();
      let other = await Store.open(otherDirectory);
      await bootstrapCatalog(other);
      let otherMachine = new StateMachine(other);
      const results: (CommandResult | null)[] = [];
      for (let round = 1; other.applied.index < commands.length; round++) {
        const from = other.applied.index;
        const answered = await otherMachine.apply(entries(from + 1, commands.slice(from, from + step)));
        results.splice(from, answered.length, ...answered);
        if (round % 3 === 0) await other.checkpoint(durableNow);
        if (round % 7 !== 0) continue;
        await other.close();
        other = await Store.open(otherDirectory);
        otherMachine = new StateMachine(other);
      }
      expect(results).to.deep.equal(straight);
      expect(await other.hash()).to.deep.equal({ revision: store.revision, appliedIndex: 300, hash });
      await other.close();
    }
  });
});
