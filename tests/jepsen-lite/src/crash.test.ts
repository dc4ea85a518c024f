import { expect } from "chai";
import { killAll } from "./scenarios/kill-all.js";
import { killLeader } from "./scenarios/kill-leader.js";
import type { Verdict } from "./scenarios/verdict.js";

const silent = (): void => undefined;

function expectKept(verdict: Verdict): void {
  expect(verdict.missing, "acknowledged puts that a replica does not show").to.deep.equal([]);
  expect(verdict.equal, `hashes ${JSON.stringify(verdict.hashes)}`).to.equal(true);
  expect(verdict.anomaly).to.equal(null);
}

describe("real processes, killed with SIGKILL", () => {
  it("nothing acknowledged is lost when the leader is killed again and again", async function () {
    this.timeout(180_000);
    const verdict = await killLeader({ puts: 1_500, kills: 2, log: silent });
    expectKept(verdict);
    expect(verdict.acknowledged).to.be.greaterThan(1_400);
  });

  it("nothing acknowledged is lost when all nodes are killed in the same moment", async function () {
    this.timeout(180_000);
    const verdict = await killAll({ rounds: 2, writers: 8, putsBetween: 500, log: silent });
    expectKept(verdict);
    expect(verdict.acknowledged).to.be.greaterThan(1_400);
  });
});
