import { expect } from "chai";
import { ArrivingWrites } from "../dist/group/arriving-writes.js";
import type { LogProposal } from "../dist/group/log-proposal.js";
import { until } from "./support/nodes.js";

const WAIT_MS_MAX = 5;

describe("writes that arrive", () => {
  let nowMs = 0;
  let refused = 0;
  let woken = 0;
  const write = { refused: () => (refused += 1) } as unknown as LogProposal;

  function arriving(): { target: ArrivingWrites; taken: (unanswered?: number) => number | null } {
    nowMs = 100;
    refused = 0;
    woken = 0;
    const target = new ArrivingWrites(
      WAIT_MS_MAX,
      () => (woken += 1),
      () => nowMs,
    );
    return { target, taken: (unanswered = 0) => target.take(unanswered)?.length ?? null };
  }

  it("are proposed at once while nothing is being synced: a lone client never waits", () => {
    const { target, taken } = arriving();
    expect(taken()).to.equal(null);
    target.add(write);
    target.add(write);
    expect(taken()).to.equal(2);
    expect(taken()).to.equal(null);
  });

  it("are proposed together when this server's disk is done with what is before them", () => {
    const { target, taken } = arriving();
    target.writing();
    target.writing();
    target.add(write);
    expect(taken()).to.equal(null);
    target.synced();
    target.add(write);
    expect(taken()).to.equal(null);
    target.synced();
    expect(taken()).to.equal(2);
  });

  it("do not wait for a disk that is slow: the followers may be enough (thesis §10.2.1)", () => {
    const { target, taken } = arriving();
    target.writing();
    target.add(write);
    expect(taken()).to.equal(null);
    nowMs += 3;
    expect(taken()).to.equal(1);
    // Each batch anew, however long the disk takes.
    target.writing();
    target.add(write);
    expect(taken()).to.equal(null);
    nowMs += 3;
    expect(taken()).to.equal(1);
  });

  it("wait for those that were answered together with them, and a turn is asked for when that is over", async () => {
    const { target, taken } = arriving();
    for (let i = 0; i < 16; i++) target.add(write);
    expect(taken()).to.equal(16);
    expect(taken(16)).to.equal(null);
    nowMs += 2;
    expect(taken()).to.equal(null);
    target.add(write);
    expect(taken()).to.equal(null);
    await until("somebody asks for a turn", () => (woken > 0 ? true : null));
    nowMs += 2;
    target.add(write);
    expect(taken()).to.equal(2);
  });

  it("are refused when the node stops: nothing of them was begun (C4)", () => {
    const { target, taken } = arriving();
    target.writing();
    target.add(write);
    target.abandon();
    expect(refused).to.equal(1);
    nowMs += 10;
    expect(taken()).to.equal(null);
  });
});
