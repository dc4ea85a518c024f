import { assert } from "chai";
import {
  checkLinearizability,
  checkRevisions,
  describeViolation,
  kvModel,
  registerModel,
} from "@raftkv/checker";
import type { KvOperation, LinearizabilityResult, Operation, RegisterOperation } from "@raftkv/checker";
import { generate, kvReference, registerReference } from "./support/generate.js";
import { Random, firstSeed, replayLine } from "./support/random.js";

const shape = { operations: 100_000, processes: 10, keys: 100, unknown: 0.05, fail: 0.02 };
/** Steps of the model for each operation. A bound on work, not on time: it holds on any machine. */
const STEPS_EACH = 20;

function message(result: LinearizabilityResult): string {
  return result.verdict === "not linearizable" ? describeViolation(result.violation) : result.verdict;
}

describe("histories of 100,000 operations over 100 keys, 5 % unknown outcomes", function () {
  this.timeout(120_000);
  const seed = firstSeed();

  it(`accepts a register's, in few steps (seed ${seed})`, () => {
    const history = generate(new Random(seed), shape, registerReference(5)) as RegisterOperation[];
    const result = checkLinearizability(history, registerModel);
    assert.isTrue(result.ok, `${message(result)}\n${replayLine(seed, "register's")}`);
    assert.isBelow(result.steps, STEPS_EACH * history.length);
    assert.equal(result.operations, 100_000);
    assert.equal(result.keys, 100);
  });

  it(`accepts a store's with all facts, in few steps (seed ${seed})`, () => {
    const history = generate(new Random(seed), shape, kvReference(null, true)) as KvOperation[];
    const result = checkLinearizability(history, kvModel);
    assert.isTrue(result.ok, `${message(result)}\n${replayLine(seed, "store's")}`);
    assert.isBelow(result.steps, STEPS_EACH * history.length);
    assert.isTrue(checkRevisions(history).ok);
  });
});

/** A get that is certainly wrong, put in the place of a right one: what it was told, and what the error is called. */
type Injection = (
  history: readonly KvOperation[],
  random: Random,
) => { victim: Operation; wrong: Operation } | null;

const returned = (operation: Operation): number => operation.return ?? Number.POSITIVE_INFINITY;

function tellingGets(history: readonly KvOperation[]): (KvOperation & { op: "get" })[] {
  return history.filter(
    (operation) => operation.op === "get" && operation.outcome === "ok" && operation.value !== null,
  ) as (KvOperation & { op: "get" })[];
}

/** Acknowledged changes of one key, the second called after the first was acknowledged, both before `get` was called. */
function successivePuts(
  history: readonly KvOperation[],
  get: KvOperation,
): (KvOperation & { op: "put" })[] | null {
  const puts = history.filter(
    (operation) =>
      operation.op === "put" &&
      operation.key === get.key &&
      operation.outcome === "ok" &&
      returned(operation) < get.call,
  ) as (KvOperation & { op: "put" })[];
  const [first] = puts;
  const second = puts.find((operation) => first !== undefined && operation.call > returned(first));
  return first === undefined || second === undefined ? null : [first, second];
}

const injections: Record<string, Injection> = {
  "a value that nobody wrote": (history, random) => {
    const victim = random.pick(tellingGets(history));
    return { victim, wrong: { ...victim, value: "never written" } };
  },
  "a stale value": (history, random) => {
    const victim = random.pick(tellingGets(history));
    const puts = successivePuts(history, victim);
    if (puts?.[0] === undefined) return null;
    return {
      victim,
      wrong: { ...victim, value: puts[0].value, modRevision: null, createRevision: null, version: null },
    };
  },
  "the revision of another put": (history, random) => {
    const victim = random.pick(tellingGets(history));
    const puts = successivePuts(history, victim);
    const other = puts?.find((operation) => operation.value !== victim.value);
    return other === undefined ? null : { victim, wrong: { ...victim, modRevision: other.revision } };
  },
  "a version that counts one put more": (history, random) => {
    const victim = random.pick(tellingGets(history));
    const again = tellingGets(history).find(
      (get) => get !== victim && get.modRevision === victim.modRevision,
    );
    return again === undefined ? null : { victim, wrong: { ...victim, version: (victim.version ?? 0) + 1 } };
  },
  "an acknowledged put that used an old revision": (history, random) => {
    const puts = successivePuts(history, random.pick(tellingGets(history)));
    if (puts === null) return null;
    const [first, second] = puts as [KvOperation & { op: "put" }, KvOperation & { op: "put" }];
    return { victim: second, wrong: { ...second, revision: first.revision } };
  },
};

describe("histories with one injected error", function () {
  this.timeout(120_000);
  const begin = firstSeed();
  for (const [name, inject] of Object.entries(injections)) {
    it(`refuses each of 40 with ${name} (seeds from ${begin})`, () => {
      let injected = 0;
      for (let seed = begin; injected < 40; seed += 1) {
        assert.isBelow(seed, begin + 400, "too few histories had a place for the error");
        const random = new Random(seed);
        const small = { operations: 300, processes: 5, keys: 3, unknown: 0.05, fail: 0.02 };
        const history = generate(random, small, kvReference(null, true)) as KvOperation[];
        const change = inject(history, random);
        if (change === null) continue;
        injected += 1;
        const wrong = history.map((operation) =>
          operation === change.victim ? change.wrong : operation,
        ) as KvOperation[];
        const result = checkLinearizability(wrong, kvModel);
        if (result.verdict !== "not linearizable")
          throw new Error(`${result.verdict}: ${replayLine(seed, name)}`);
        assert.isTrue(result.violation.isMinimal);
        assert.isAtMost(result.violation.window.length, 4, describeViolation(result.violation));
        assert.isTrue(checkLinearizability(history, kvModel).ok, replayLine(seed, name));
      }
    });
  }
});

describe("a limit on steps (an undecided history is not a pass)", () => {
  it("gives the verdict unknown and names the keys that are undecided", () => {
    const small = { ...shape, operations: 2_000, keys: 2 };
    const history = generate(new Random(1), small, registerReference(5)) as RegisterOperation[];
    const result = checkLinearizability(history, registerModel, { maxSteps: 100 });
    if (result.verdict !== "unknown") throw new Error(`verdict is ${result.verdict}`);
    assert.isFalse(result.ok);
    assert.sameMembers([...result.undecidedKeys], ["0", "1"]);
    assert.isTrue(checkLinearizability(history, registerModel).ok);
  });

  it("gives the verdict unknown when memory is limited", () => {
    const small = { ...shape, operations: 2_000, keys: 1 };
    const history = generate(new Random(1), small, registerReference(5)) as RegisterOperation[];
    assert.equal(checkLinearizability(history, registerModel, { maxConfigurations: 10 }).verdict, "unknown");
  });

  it("still refuses what was proven wrong for one key when another is undecided", () => {
    const long = generate(new Random(1), { ...shape, operations: 2_000, keys: 1 }, registerReference(5));
    const short: RegisterOperation[] = [
      { process: 99, op: "read", key: "wrong", value: 7, call: 1, return: 2, outcome: "ok" },
    ];
    const history = [...short, ...(long as RegisterOperation[])];
    assert.equal(checkLinearizability(history, registerModel, { maxSteps: 500 }).verdict, "not linearizable");
  });
});
