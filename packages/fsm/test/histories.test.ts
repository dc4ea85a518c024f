import { randomInt } from "node:crypto";
import { runHistories } from "./histories/run.js";

/** More of them: npm run fsm:histories -- --runs 3000 */
const RUNS = 25;

describe("Any history of state machines", function () {
  this.timeout(240_000);

  it("F1, F2, F3, F5, S5: has the model's results and contents, however it is split, killed and reopened, and one hash", async () => {
    await runHistories({
      runs: RUNS,
      seed: randomInt(2 ** 31),
      path: null,
      shrink: true,
      onRun: () => undefined,
    });
  });
});
