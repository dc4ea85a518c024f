import { expect } from "chai";
import { serverId } from "../../dist/core/index.js";
import type { ServerId } from "../../dist/core/index.js";
import { majority, members, quorumReached, voteOutcome } from "../../dist/core/quorum.js";
import { configurationOf } from "./support/cluster.js";

const reachedBy = (reached: Readonly<Record<string, number>>) => (voter: ServerId) => reached[voter] ?? 0;
const votes = (given: Readonly<Record<string, boolean>>): Map<ServerId, boolean> =>
  new Map(Object.entries(given).map(([voter, vote]) => [serverId(voter), vote]));

describe("quorums (thesis §3.6, §4.3)", () => {
  it("a majority is strict: half of an even number is not enough", () => {
    expect([1, 2, 3, 4, 5, 6, 7].map(majority)).to.deep.equal([1, 2, 2, 3, 3, 4, 4]);
  });

  it("what a majority has reached is the middle one of an odd number and the lower middle of an even one", () => {
    expect(quorumReached(configurationOf(["a", "b", "c"]), reachedBy({ a: 9, b: 5, c: 2 }))).to.equal(5);
    expect(
      quorumReached(configurationOf(["a", "b", "c", "d"]), reachedBy({ a: 9, b: 7, c: 5, d: 1 })),
    ).to.equal(5);
  });

  it("sorts numbers as numbers: 10 lies above 9", () => {
    expect(quorumReached(configurationOf(["a", "b", "c"]), reachedBy({ a: 10, b: 9, c: 100 }))).to.equal(10);
  });

  it("a joint configuration has reached what both of its halves have (§4.3)", () => {
    const joint = configurationOf(["a", "b", "c"], { outgoing: ["c", "d", "e"] });
    expect(quorumReached(joint, reachedBy({ a: 9, b: 9, c: 9, d: 1, e: 1 }))).to.equal(1);
    expect(quorumReached(joint, reachedBy({ a: 1, b: 1, c: 9, d: 9, e: 9 }))).to.equal(1);
    expect(quorumReached(joint, reachedBy({ a: 4, b: 1, c: 9, d: 9, e: 1 }))).to.equal(4);
  });

  it("learners count for nothing", () => {
    const configuration = configurationOf(["a"], { learners: ["b", "c"] });
    expect(quorumReached(configuration, reachedBy({ a: 1, b: 9, c: 9 }))).to.equal(1);
    expect(voteOutcome(configuration, votes({ b: true, c: true }))).to.equal("pending");
  });

  it("a vote is decided as soon as it can no longer change", () => {
    const three = configurationOf(["a", "b", "c"]);
    expect(voteOutcome(three, votes({ a: true }))).to.equal("pending");
    expect(voteOutcome(three, votes({ a: true, b: true }))).to.equal("won");
    expect(voteOutcome(three, votes({ a: true, b: false }))).to.equal("pending");
    expect(voteOutcome(three, votes({ a: true, b: false, c: false }))).to.equal("lost");
  });

  it("a joint vote takes both halves, and is lost with either (§4.3)", () => {
    const joint = configurationOf(["a", "b", "c"], { outgoing: ["c", "d", "e"] });
    expect(voteOutcome(joint, votes({ a: true, b: true, c: true }))).to.equal("pending");
    expect(voteOutcome(joint, votes({ a: true, c: true, d: true }))).to.equal("won");
    expect(voteOutcome(joint, votes({ a: true, b: true, d: false, e: false }))).to.equal("lost");
  });

  it("the members are everyone who gets the log, each once", () => {
    const joint = configurationOf(["a", "b"], { outgoing: ["b", "c"], learners: ["d"] });
    expect(members(joint)).to.deep.equal(["a", "b", "c", "d"]);
  });
});
