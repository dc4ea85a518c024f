import { expect } from "chai";
import { watchOverChanges } from "./scenarios/watched.js";

const KEYS = 400;
const READERS = 10;

describe("watches at a real cluster (F6)", () => {
  it("see every event once, in order, over killed leaders and a compaction", async function () {
    this.timeout(300_000);
    const verdict = await watchOverChanges({ keys: KEYS, readers: READERS, log: () => undefined });
    expect(verdict.wrong).to.deep.equal([]);
    expect(verdict.puts).to.equal(2.5 * KEYS);
    expect(verdict.events).to.equal(verdict.puts * (1 + READERS));
    expect(verdict.floor).to.be.above(KEYS);
  });
});
