import { expect } from "chai";
import { logIndex, serverId, term } from "raft-ts";
import type { Message } from "raft-ts";
import { CommitNotices } from "../dist/group/commit-notices.js";
import { until } from "./support/nodes.js";

const SELF = serverId("a");

function notice(to: string, commitIndex: number): Message {
  return {
    kind: "commitNotice",
    from: SELF,
    to: serverId(to),
    term: term(3),
    commitIndex: logIndex(commitIndex),
  };
}

function append(to: string, end: number, commitIndex: number, inTerm = 3): Message {
  const range = { from: logIndex(1), to: logIndex(end) };
  return {
    kind: "appendRequest",
    from: SELF,
    to: serverId(to),
    term: term(inTerm),
    prevLogIndex: logIndex(0),
    prevLogTerm: term(0),
    entries: { ...range, runs: [{ term: term(inTerm), ...range }], sizes: [], configurations: [] },
    commitIndex: logIndex(commitIndex),
  };
}

function readIndex(to: string): Message {
  return {
    kind: "readIndexResponse",
    from: SELF,
    to: serverId(to),
    term: term(3),
    readRound: 1,
    bootEpoch: 1,
    readIndex: logIndex(4),
  };
}

describe("notices of what is committed", () => {
  function notices() {
    const late: string[] = [];
    const target = new CommitNotices((messages) => {
      for (const message of messages) if (message.kind === "commitNotice") late.push(shown(message));
    });
    const sift = (...messages: Message[]): string[] => target.sift(messages).map(shown);
    return { late, sift };
  }
  const shown = (message: Message): string =>
    `${message.kind} to ${message.to}${"commitIndex" in message ? ` ${message.commitIndex}` : ""}`;

  it("are spared when an append tells the same follower as much, and not by one that tells less", async () => {
    const { late, sift } = notices();
    expect(sift(notice("b", 4), notice("c", 4))).to.deep.equal([]);
    expect(sift(append("b", 9, 4), append("c", 9, 3))).to.deep.equal([
      "appendRequest to b 4",
      "appendRequest to c 3",
    ]);
    await until("the held one to leave", () => (late.length > 0 ? true : null));
    expect(late).to.deep.equal(["commitNotice to c 4"]);
  });

  it("leave by themselves when nothing follows, and only the last of several", async () => {
    const { late, sift } = notices();
    sift(append("b", 9, 0), notice("b", 3));
    sift(notice("b", 4));
    await until("the held one to leave", () => (late.length > 0 ? true : null));
    expect(late).to.deep.equal(["commitNotice to b 4"]);
    sift(notice("b", 5));
    await until("the next one to leave", () => (late.length > 1 ? true : null));
    expect(late).to.deep.equal(["commitNotice to b 4", "commitNotice to b 5"]);
  });

  it("leave at once before the answer to a follower that reads: it must have applied them (R18)", () => {
    const { late, sift } = notices();
    expect(sift(notice("b", 4), notice("c", 4), readIndex("b"))).to.deep.equal([
      "commitNotice to b 4",
      "readIndexResponse to b",
    ]);
    expect(late).to.deep.equal([]);
  });

  it("are not spared by an append of an earlier term", () => {
    const { sift } = notices();
    sift(notice("b", 4));
    sift(append("b", 9, 5, 2));
    expect(sift(readIndex("b"))).to.deep.equal(["commitNotice to b 4", "readIndexResponse to b"]);
  });
});
