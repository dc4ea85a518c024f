import { assert } from "chai";
import { describeOperation, kvModel, registerModel, stringModel } from "@raftkv/checker";
import type { Model, Operation } from "@raftkv/checker";
import { searchPart } from "../dist/decide.js";
import { cutAt, cutBefore } from "../dist/weaken.js";
import { windows } from "../dist/windows.js";
import { generate, kvReference, registerReference, stringReference } from "./support/generate.js";
import type { Reference } from "./support/generate.js";
import { Random, firstSeed, replayLine } from "./support/random.js";

const HISTORIES = Number(process.env["RAFTKV_HISTORIES"] ?? 1_000);
const LIMIT = { steps: 200_000, configurations: 100_000 };

/** Parts of a possible history that begin in the middle, in a state of which nothing is known. */
function* partsOf<O extends Operation>(operations: readonly O[], random: Random): Generator<readonly O[]> {
  for (const size of [2, 4, 12]) for (const { operations: part } of windows(operations, size)) yield part;
  for (let count = 0; count < 4; count += 1) {
    const until = cutAt(operations, random.below(2 * operations.length));
    yield cutBefore(until, random.below(2 * operations.length));
  }
}

function check<O extends Operation, State>(
  model: Model<O, State>,
  make: () => (key: string) => Reference,
  begin: number,
  name: string,
): void {
  for (let seed = begin; seed < begin + HISTORIES; seed += 1) {
    const random = new Random(seed);
    const shape = { operations: 30, processes: 2 + random.below(5), keys: 1, unknown: 0.2, fail: 0 };
    const history = generate(random, shape, make()) as unknown as O[];
    for (const operations of partsOf(history, random)) {
      const { verdict } = searchPart({ operations, isFromStart: false }, model, LIMIT);
      const message = (): string =>
        `${operations.map(describeOperation).join("\n")}\n${replayLine(seed, name)}`;
      if (verdict === "not linearizable")
        assert.fail(`a part of a possible history is refused:\n${message()}`);
    }
  }
}

describe("a part of a possible history, whatever went before", function () {
  this.timeout(120_000);
  const begin = firstSeed();
  const cases: Record<string, (name: string) => void> = {
    "register, few values": (name) => check(registerModel, () => registerReference(3), begin, name),
    "register, every value once": (name) => check(registerModel, () => registerReference(null), begin, name),
    "kv without facts": (name) => check(kvModel, () => kvReference(3, false), begin, name),
    "kv with facts": (name) => check(kvModel, () => kvReference(3, true), begin, name),
    "strings, few pieces": (name) => check(stringModel, () => stringReference(5, true), begin, name),
    "strings, every piece once": (name) => check(stringModel, () => stringReference(null, true), begin, name),
  };
  for (const [name, run] of Object.entries(cases))
    it(`is possible: ${name} (${HISTORIES} histories, seeds from ${begin})`, () => run(name));
});
