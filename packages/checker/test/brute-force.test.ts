import { assert } from "chai";
import { checkLinearizability, formatHistory, kvModel, registerModel } from "@raftkv/checker";
import type { KvOperation, Operation, RegisterOperation } from "@raftkv/checker";
import { isLinearizableKv, isLinearizableRegister } from "./support/brute-force.js";
import { generate, kvReference, registerReference } from "./support/generate.js";
import type { Shape } from "./support/generate.js";
import { Random, firstSeed, replayLine } from "./support/random.js";

const HISTORIES = Number(process.env["RAFTKV_HISTORIES"] ?? 2_500);

/** Changes one answer, which mostly, but not always, makes the history impossible. */
function tamper(random: Random, history: Operation[]): Operation[] {
  const answered = history.filter((operation) => operation.outcome === "ok");
  if (answered.length === 0) return history;
  const victim = random.pick(answered);
  return history.map((operation) => (operation === victim ? changeAnswer(random, operation) : operation));
}

function changeAnswer(random: Random, operation: Operation): Operation {
  const other = random.below(3);
  const nudge = (told: number | null): number | null =>
    told === null ? null : Math.max(1, told + random.below(5) - 2);
  switch (operation.op) {
    case "read":
      return { ...operation, value: other };
    case "cas":
      return { ...operation, swapped: operation.swapped !== true };
    case "get":
      if (operation.modRevision === null || random.chance(0.4)) return { ...operation, value: String(other) };
      if (random.chance(0.5)) return { ...operation, modRevision: nudge(operation.modRevision) };
      if (random.chance(0.5)) return { ...operation, createRevision: nudge(operation.createRevision) };
      return { ...operation, version: nudge(operation.version) };
    case "put":
      return { ...operation, revision: nudge(operation.revision) };
    case "delete":
      return random.chance(0.5)
        ? { ...operation, revision: nudge(operation.revision) }
        : { ...operation, deleted: operation.deleted !== true };
    default:
      return operation;
  }
}

/** Forgets some of the facts that were told, so that answers with and without them meet in one history. */
function forget(random: Random, history: readonly Operation[]): Operation[] {
  return history.map((operation) => {
    if (operation.op === "get")
      return {
        ...operation,
        modRevision: random.chance(0.5) ? operation.modRevision : null,
        createRevision: random.chance(0.5) ? operation.createRevision : null,
        version: random.chance(0.3) ? operation.version : null,
      };
    if (operation.op === "put") return random.chance(0.5) ? operation : { ...operation, revision: null };
    if (operation.op === "delete")
      return random.chance(0.5) ? operation : { ...operation, deleted: null, revision: null };
    return operation;
  });
}

describe("the linearizability checker against one that tries every order", () => {
  const begin = firstSeed();
  const cases = [
    { name: "register, few values", isKv: false, make: () => registerReference(3) },
    { name: "register, every value once", isKv: false, make: () => registerReference(null) },
    { name: "kv without facts", isKv: true, make: () => kvReference(3, false) },
    { name: "kv with revisions and versions", isKv: true, make: () => kvReference(3, true) },
  ];
  for (const { name, isKv, make } of cases) {
    it(`agrees on ${HISTORIES} random histories: ${name} (seeds from ${begin})`, function () {
      this.timeout(120_000);
      const verdicts = { good: 0, bad: 0 };
      for (let seed = begin; seed < begin + HISTORIES; seed += 1) {
        const random = new Random(seed);
        const shape: Shape = {
          operations: 2 + random.below(6),
          processes: 2 + random.below(3),
          keys: 1,
          unknown: random.pick([0, 0.2, 0.5]),
          fail: 0.1,
        };
        let history = generate(random, shape, make());
        if (isKv && random.chance(0.7)) history = forget(random, history);
        if (random.chance(0.7)) history = tamper(random, history);
        const expected = isKv
          ? isLinearizableKv(history as KvOperation[])
          : isLinearizableRegister(history as RegisterOperation[]);
        const result = isKv
          ? checkLinearizability(history as KvOperation[], kvModel)
          : checkLinearizability(history as RegisterOperation[], registerModel);
        const message = `${formatHistory(history)}${replayLine(seed, name)}`;
        assert.equal(result.verdict, expected ? "linearizable" : "not linearizable", message);
        verdicts[expected ? "good" : "bad"] += 1;
      }
      assert.isAbove(verdicts.good, HISTORIES / 10, `too few good histories; ${replayLine(begin, name)}`);
      assert.isAbove(verdicts.bad, HISTORIES / 10, `too few bad histories; ${replayLine(begin, name)}`);
    });
  }
});
