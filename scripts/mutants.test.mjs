import { expect } from "chai";
import { SUITES, judge, misfits, mutantsOf } from "./mutant-judge.mjs";

/** All of them: npm run fsm:mutants */
const SHORT_LIST = ["a batch is carried out behind one that failed"];

describe("The mutants", () => {
  for (const name of Object.keys(SUITES)) {
    it(`of packages/${name} are in step with its source`, async () => {
      expect(misfits(name, await mutantsOf(name))).to.deep.equal([]);
    });
  }
});

describe("The tests of the state machine", function () {
  this.timeout(180_000);

  it("notice a rule that is broken, and so do the histories", async () => {
    const chosen = (await mutantsOf("fsm")).filter(({ says }) => SHORT_LIST.includes(says));
    const verdicts = await judge("fsm", chosen, 1, () => undefined);
    for (const { mutant, test, histories } of verdicts) {
      expect([test === null, histories], mutant.says).to.deep.equal([false, true]);
    }
    expect(verdicts).to.have.length(SHORT_LIST.length);
  });
});
