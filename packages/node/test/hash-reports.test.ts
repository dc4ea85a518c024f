import { expect } from "chai";
import { logIndex, serverId } from "raft-ts";
import type { Configuration } from "raft-ts";
import { Reports, dataMembers, dataVoters } from "../dist/group/hash-reports.js";

const [A, B, C, D] = ["a", "b", "c", "d"].map(serverId) as [
  ReturnType<typeof serverId>,
  ReturnType<typeof serverId>,
  ReturnType<typeof serverId>,
  ReturnType<typeof serverId>,
];
const AT = logIndex(7);

describe("what a comparison of replicas says (promise 4)", () => {
  const verdictOf = (told: readonly (readonly [typeof A, string])[], voters: readonly (typeof A)[]) => {
    const reports = new Reports();
    for (const [server, hash] of told) reports.add(AT, server, hash);
    return reports.verdict(AT, voters);
  };

  it("is right what a majority of all voters has, whoever has not told yet", () => {
    const right = { kind: "right", hash: "x" };
    expect(
      verdictOf(
        [
          [A, "x"],
          [B, "x"],
        ],
        [A, B, C],
      ),
    ).to.deep.equal(right);
    expect(
      verdictOf(
        [
          [A, "x"],
          [B, "y"],
          [C, "x"],
        ],
        [A, B, C],
      ),
    ).to.deep.equal(right);
    expect(verdictOf([[A, "x"]], [A, B, C])).to.deep.equal({ kind: "open" });
    expect(verdictOf([[A, "x"]], [A])).to.deep.equal(right);
  });

  it("is a tie when voters differ and none has a majority: two of two, one against one of three, half of four", () => {
    const tie = { kind: "tie" };
    expect(
      verdictOf(
        [
          [A, "x"],
          [B, "y"],
        ],
        [A, B],
      ),
    ).to.deep.equal(tie);
    expect(
      verdictOf(
        [
          [A, "x"],
          [B, "y"],
        ],
        [A, B, C],
      ),
    ).to.deep.equal(tie);
    expect(
      verdictOf(
        [
          [A, "x"],
          [B, "x"],
          [C, "y"],
          [D, "y"],
        ],
        [A, B, C, D],
      ),
    ).to.deep.equal(tie);
  });

  it("does not count what learners and strangers say", () => {
    expect(
      verdictOf(
        [
          [A, "x"],
          [C, "y"],
          [D, "y"],
        ],
        [A, B],
      ),
    ).to.deep.equal({ kind: "open" });
  });

  it("asks members with data: learners are judged and do not judge, witnesses do neither (R24)", () => {
    const configuration: Configuration = {
      voters: [A, B],
      outgoing: [A, C],
      learners: [D],
      witnesses: [B],
      autoLeave: false,
      lease: null,
    };
    expect(dataVoters(configuration)).to.deep.equal([A, C]);
    expect(dataMembers(configuration)).to.deep.equal([A, C, D]);
  });

  it("keeps the last few checks, however many a peer makes up (C7)", () => {
    const reports = new Reports();
    for (let index = 1; index <= 1_000; index += 1) reports.add(logIndex(index), A, "x");
    expect(reports.at(logIndex(1_000)).size).to.equal(1);
    expect(reports.at(logIndex(996)).size).to.equal(0);
    expect(reports.add(logIndex(5), A, "x")).to.equal(false);
  });
});
