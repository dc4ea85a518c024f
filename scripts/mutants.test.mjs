import { expect } from "chai";
import { judge, mutantsOf } from "./mutant-judge.mjs";

/** All of them: npm run fsm:mutants */
const SHORT_LIST = ["a batch is carried out behind one that failed"];

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
