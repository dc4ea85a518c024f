import { expect } from "chai";
import { DEFAULT_RAFT_LIMITS, logIndex, serverId } from "../../dist/core/index.js";
import type { RaftOptions } from "../../dist/core/index.js";
import { Inflights } from "../../dist/core/inflights.js";
import { Progress } from "../../dist/core/progress.js";

const OPTIONS: RaftOptions = {
  ...DEFAULT_RAFT_LIMITS,
  id: serverId("a"),
  seed: 1,
  bootEpoch: 1,
  heartbeatTicks: 1,
  electionTimeoutTicks: 10,
  inflightMessagesMax: 3,
};

describe("the window of appends in flight", () => {
  it("is full at its count, and has room again once the oldest is acknowledged", () => {
    const window = new Inflights(2, 1000);
    window.add(logIndex(1), 10);
    expect(window.full).to.equal(false);
    window.add(logIndex(4), 10);
    expect(window.full).to.equal(true);
    window.release(logIndex(3));
    expect(window.count).to.equal(1);
    expect(window.bytes).to.equal(10);
    expect(window.full).to.equal(false);
  });

  it("is full at its bytes, whatever the count", () => {
    const window = new Inflights(100, 50);
    window.add(logIndex(1), 49);
    expect(window.full).to.equal(false);
    expect(window.bytesLeft).to.equal(1);
    window.add(logIndex(2), 9);
    expect(window.full).to.equal(true);
    expect(window.bytesLeft).to.equal(0);
  });

  it("takes an acknowledgement in the middle of a message for what it is: not the message's end", () => {
    const window = new Inflights(10, 1000);
    window.add(logIndex(5), 10);
    window.add(logIndex(9), 10);
    window.release(logIndex(8));
    expect(window.count).to.equal(1);
    window.release(logIndex(9));
    expect(window.count).to.equal(0);
    expect(window.bytes).to.equal(0);
  });

  it("counts right over many times its size", () => {
    const window = new Inflights(8, 10_000);
    for (let index = 1; index <= 1000; index += 1) {
      window.add(logIndex(index), index % 7);
      if (index > 4) window.release(logIndex(index - 4));
    }
    expect(window.count).to.equal(4);
    expect(window.bytes).to.equal((997 % 7) + (998 % 7) + (999 % 7) + (1000 % 7));
  });
});

describe("a leader's view of a follower (R11)", () => {
  const replicating = (match: number): Progress => {
    const progress = new Progress(logIndex(match + 1), OPTIONS, 0);
    progress.acknowledged(logIndex(match));
    progress.becomeReplicate();
    return progress;
  };

  it("a stale acknowledgement changes nothing", () => {
    const progress = replicating(7);
    expect(progress.acknowledged(logIndex(6))).to.equal(false);
    expect(progress.acknowledged(logIndex(7))).to.equal(false);
    expect(progress.matchIndex).to.equal(7);
    expect(progress.nextIndex).to.equal(8);
  });

  it("a refusal at or below matchIndex is older than the acknowledgement, and ignored", () => {
    const progress = replicating(7);
    expect(progress.refused(logIndex(7), logIndex(3))).to.equal(false);
    expect(progress.state).to.equal("replicate");
    expect(progress.refused(logIndex(8), logIndex(3))).to.equal(true);
    expect(progress.state).to.equal("probe");
    expect(progress.nextIndex).to.equal(8);
  });

  it("a refusal of another probe than the one that is out is ignored", () => {
    const progress = new Progress(logIndex(10), OPTIONS, 0);
    progress.sent(logIndex(9), 0);
    expect(progress.refused(logIndex(5), logIndex(2))).to.equal(false);
    expect(progress.nextIndex).to.equal(10);
    expect(progress.paused).to.equal(true);
    expect(progress.refused(logIndex(9), logIndex(2))).to.equal(true);
    expect(progress.nextIndex).to.equal(3);
    expect(progress.paused).to.equal(false);
  });

  it("a probe never goes back to or below matchIndex, whatever the hint says", () => {
    const progress = replicating(7);
    progress.becomeProbe();
    progress.nextIndex = logIndex(12);
    expect(progress.refused(logIndex(11), logIndex(0))).to.equal(true);
    expect(progress.nextIndex).to.equal(8);
  });
});
