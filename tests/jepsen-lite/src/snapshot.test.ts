import { expect } from "chai";
import { followerAway } from "./scenarios/follower-away.js";

const silent = (): void => undefined;

describe("a follower that was away for longer than the log reaches (S10)", () => {
  it("comes back through a snapshot while clients go on, killed in the middle of it several times", async function () {
    this.timeout(300_000);
    const verdict = await followerAway({
      puts: 4_000,
      kills: 4,
      logKeepEntries: 200,
      snapshotBytesPerSecond: 1024 * 1024,
      paceMax: 200,
      calmSeconds: 1,
      log: silent,
      env: { RAFTKV_WAL_SEGMENT_BYTES: "64KiB", RAFTKV_LOG_KEEP_BYTES: "1MiB" },
    });
    expect(verdict.missing, "acknowledged puts that it does not show").to.deep.equal([]);
    expect(verdict.equal, `hashes ${JSON.stringify(verdict.hashes)}`).to.equal(true);
    expect(verdict.installed).to.be.at.least(1);
    expect(verdict.acknowledged).to.be.above(4_000);
    const kills = Object.values(verdict.killedWhile).reduce((sum, count) => sum + count, 0);
    expect(kills).to.equal(4);
  });
});
