import { assert } from "chai";
import { checkListAppend, formatHistory } from "@raftkv/checker";
import { Random, firstSeed, replayLine } from "./support/random.js";
import { generateTransactions, isStrictSerializable, tamperWithRead } from "./support/transactions.js";

const HISTORIES = Number(process.env["RAFTKV_HISTORIES"] ?? 2_500);

describe("the checker of list-append transactions against one that runs every order", () => {
  const begin = firstSeed();
  const cases = [
    { name: "one list", keys: 1, stepsMax: 2, torn: 0 },
    { name: "three lists", keys: 3, stepsMax: 4, torn: 0 },
    { name: "torn transactions", keys: 2, stepsMax: 4, torn: 0.7 },
    { name: "torn transactions over four lists", keys: 4, stepsMax: 5, torn: 0.5 },
  ];
  for (const { name, ...kind } of cases) {
    it(`agrees on ${HISTORIES} random histories: ${name} (seeds from ${begin})`, function () {
      this.timeout(120_000);
      const verdicts = { good: 0, bad: 0 };
      for (let seed = begin; seed < begin + HISTORIES; seed += 1) {
        const random = new Random(seed);
        const shape = {
          ...kind,
          transactions: 2 + random.below(5),
          processes: 2 + random.below(4),
          unknown: random.pick([0, 0.2, 0.5]),
          fail: 0.1,
        };
        let history = generateTransactions(random, shape);
        if (random.chance(0.6)) history = tamperWithRead(random, history);
        const expected = isStrictSerializable(history);
        const { ok, findings } = checkListAppend(history);
        const reasons = findings.map(({ anomaly, reason }) => `${anomaly}: ${reason}\n`).join("");
        assert.equal(ok, expected, `${formatHistory(history)}${reasons}${replayLine(seed, name)}`);
        verdicts[expected ? "good" : "bad"] += 1;
      }
      assert.isAbove(verdicts.good, HISTORIES / 20, `too few good histories; ${replayLine(begin, name)}`);
      assert.isAbove(verdicts.bad, HISTORIES / 20, `too few bad histories; ${replayLine(begin, name)}`);
    });
  }
});

describe("large histories of list-append transactions", function () {
  this.timeout(120_000);
  const seed = firstSeed();
  const shape = {
    transactions: 20_000,
    processes: 20,
    keys: 200,
    stepsMax: 4,
    unknown: 0.05,
    fail: 0.02,
    torn: 0,
  };

  it(`are accepted (seed ${seed})`, () => {
    const { findings, ok, reads } = checkListAppend(generateTransactions(new Random(seed), shape));
    const message = `${findings[0]?.anomaly}: ${findings[0]?.reason}\n${replayLine(seed, "large histories")}`;
    assert.isTrue(ok, message);
    assert.isAbove(reads, 10_000);
  });

  it(`are refused when transactions are torn, by a cycle of at most four (seed ${seed})`, () => {
    const history = generateTransactions(new Random(seed), { ...shape, torn: 0.5 });
    const { findings, ok } = checkListAppend(history);
    assert.isFalse(ok, replayLine(seed, "large histories"));
    const lengths = findings.map(({ transactions }) => transactions.length);
    assert.isAtMost(Math.min(...lengths), 4, replayLine(seed, "large histories"));
  });
});
