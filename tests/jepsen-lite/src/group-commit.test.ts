import { expect } from "chai";
import { checkGroupCommit, ratioOf } from "./group-commit/check.js";
import { straceMissing } from "./sync-order/strace.js";

describe("group commit on a real cluster of three (W9)", () => {
  it("64 proposers cost the leader less than a sync for five puts, by its metrics and by strace alike", async function () {
    this.timeout(180_000);
    const { load, traced } = await checkGroupCommit({ proposers: 64, puts: 200, tracedPuts: 50 });
    expect(load.committed, "the metric counts what the clients saw").to.equal(load.acknowledged);
    expect(ratioOf(load)).to.be.lessThan(0.2);
    const missing = straceMissing();
    if (missing !== null) process.stderr.write(`without strace: ${missing}\n`);
    else {
      expect(traced?.committed).to.equal(traced?.acknowledged);
      expect(traced?.seen, "strace and the metric agree").to.equal(traced?.syncs);
      expect(traced === null ? 1 : ratioOf(traced)).to.be.lessThan(0.2);
    }
  });
});
