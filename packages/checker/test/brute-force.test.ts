import { assert } from "chai";
import { checkLinearizability, formatHistory, kvModel, registerModel, stringModel } from "@raftkv/checker";
import type { KvOperation, Operation, RegisterOperation, StringOperation } from "@raftkv/checker";
import { isLinearizableKv, isLinearizableRegister, isLinearizableString } from "./support/brute-force.js";
import { generate, kvReference, registerReference, stringReference } from "./support/generate.js";
import type { Reference, Shape } from "./support/generate.js";
import { Random, firstSeed, replayLine } from "./support/random.js";

const HISTORIES = Number(process.env["RAFTKV_HISTORIES"] ?? 2_500);

/** Changes what one get told, to something like it. */
function tamperString(random: Random, history: Operation[]): Operation[] {
  const gets = history.filter((operation) => operation.op === "get" && operation.outcome === "ok");
  if (gets.length === 0) return history;
  const victim = random.pick(gets);
  const told = random.pick(gets);
  const value = (told.op === "get" ? told.value : null) ?? "";
  const other = random.pick([value, value.slice(1), value.slice(0, -1), `${value}a`, null]);
  return history.map((operation) =>
    operation === victim && operation.op === "get" ? { ...operation, value: other } : operation,
  );
}

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

interface Case {
  readonly name: string;
  readonly make: () => (key: string) => Reference;
  readonly change: (random: Random, history: Operation[]) => Operation[];
  readonly expected: (history: readonly Operation[]) => boolean;
  readonly verdict: (history: readonly Operation[]) => string;
}

const isRegister = (history: readonly Operation[]): boolean =>
  isLinearizableRegister(history as RegisterOperation[]);
const isKv = (history: readonly Operation[]): boolean => isLinearizableKv(history as KvOperation[]);
const isString = (history: readonly Operation[]): boolean =>
  isLinearizableString(history as StringOperation[]);
const judgeRegister = (history: readonly Operation[]): string =>
  checkLinearizability(history as RegisterOperation[], registerModel).verdict;
const judgeKv = (history: readonly Operation[]): string =>
  checkLinearizability(history as KvOperation[], kvModel).verdict;
const judgeString = (history: readonly Operation[]): string =>
  checkLinearizability(history as StringOperation[], stringModel).verdict;
const changeKv = (random: Random, history: Operation[]): Operation[] => {
  const forgotten = random.chance(0.7) ? forget(random, history) : history;
  return random.chance(0.7) ? tamper(random, forgotten) : forgotten;
};
const changeRegister = (random: Random, history: Operation[]): Operation[] =>
  random.chance(0.7) ? tamper(random, history) : history;
const changeString = (random: Random, history: Operation[]): Operation[] =>
  random.chance(0.6) ? tamperString(random, history) : history;

const register = { change: changeRegister, expected: isRegister, verdict: judgeRegister };
const kv = { change: changeKv, expected: isKv, verdict: judgeKv };
const string = { change: changeString, expected: isString, verdict: judgeString };
const cases: readonly Case[] = [
  { name: "register, few values", make: () => registerReference(3), ...register },
  { name: "register, every value once", make: () => registerReference(null), ...register },
  { name: "kv without facts", make: () => kvReference(3, false), ...kv },
  { name: "kv with revisions and versions", make: () => kvReference(3, true), ...kv },
  { name: "strings added to", make: () => stringReference(null, false), ...string },
  { name: "strings put and added to, few pieces", make: () => stringReference(5, true), ...string },
];

describe("the linearizability checker against one that tries every order", () => {
  const begin = firstSeed();
  for (const { name, make, change, expected, verdict } of cases) {
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
        const history = change(random, generate(random, shape, make()));
        const isGood = expected(history);
        const message = `${formatHistory(history)}${replayLine(seed, name)}`;
        assert.equal(verdict(history), isGood ? "linearizable" : "not linearizable", message);
        verdicts[isGood ? "good" : "bad"] += 1;
      }
      assert.isAbove(verdicts.good, HISTORIES / 10, `too few good histories; ${replayLine(begin, name)}`);
      assert.isAbove(verdicts.bad, HISTORIES / 10, `too few bad histories; ${replayLine(begin, name)}`);
    });
  }
});
