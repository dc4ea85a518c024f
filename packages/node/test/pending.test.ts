import { expect } from "chai";
import { logIndex, term } from "raft-ts";
import type { ClientProposal } from "../dist/group/client-proposal.js";
import { PendingReads } from "../dist/group/pending-reads.js";
import { PendingWrites } from "../dist/group/pending-writes.js";
import { notLeader } from "../dist/group/refusals.js";
import { proposalOf, told as toldOf } from "./support/proposals.js";

function told() {
  const { answers, origin } = toldOf();
  const proposal = (requestId: number, expiresAtMs = 1_000): ClientProposal =>
    proposalOf(origin, requestId, { expiresAtMs });
  return { answers, proposal };
}

const RESULT = { kind: "put", revision: 9, previous: null } as const;

describe("writes that wait (C1)", () => {
  const appended = (firstIndex: number, inTerm: number, proposals: ClientProposal[]) =>
    ({
      firstIndex: logIndex(firstIndex),
      term: term(inTerm),
      proposals,
      kind: "command",
      configuration: null,
    }) as const;

  it("are answered when their entry is applied, each once", () => {
    const { answers, proposal } = told();
    const writes = new PendingWrites();
    writes.add(appended(5, 2, [proposal(1), proposal(2)]));
    const lost = (): void => void answers.push("lost");
    writes.applied(logIndex(5), term(2), RESULT, lost);
    writes.applied(logIndex(5), term(2), RESULT, lost);
    expect(answers).to.deep.equal(["1 applied"]);
    expect(writes.size).to.equal(1);
  });

  it("never happened once an entry of another term is applied in their place", () => {
    const { answers, proposal } = told();
    const writes = new PendingWrites();
    writes.add(appended(5, 2, [proposal(1)]));
    writes.applied(logIndex(5), term(3), RESULT, (lost) => lost.refused(notLeader(null)));
    expect(answers).to.deep.equal(["1 UNAVAILABLE"]);
  });

  it("are unknown, not lost, when this server appends in their place again: another may yet commit them", () => {
    const { answers, proposal } = told();
    const writes = new PendingWrites();
    writes.add(appended(5, 2, [proposal(1)]));
    writes.add(appended(5, 4, [proposal(2)]));
    expect(answers).to.deep.equal(["1 OUTCOME_UNKNOWN"]);
    writes.applied(logIndex(5), term(4), RESULT, () => answers.push("lost"));
    expect(answers).to.deep.equal(["1 OUTCOME_UNKNOWN", "2 applied"]);
  });

  it("are unknown when nobody waits any more, and those that are waited for stay", () => {
    const { answers, proposal } = told();
    const writes = new PendingWrites();
    writes.add(appended(5, 2, [proposal(1, 100), proposal(2, 200)]));
    writes.expire(150);
    expect(answers).to.deep.equal(["1 OUTCOME_UNKNOWN"]);
    writes.abandon();
    expect(answers).to.deep.equal(["1 OUTCOME_UNKNOWN", "2 OUTCOME_UNKNOWN"]);
    expect(writes.size).to.equal(0);
  });
});

describe("reads that wait (R18)", () => {
  const grant = (readId: number, index: number) => ({
    readId,
    index: logIndex(index),
    term: term(1),
    leaseEndMicros: null,
  });

  function read(answers: string[], name: string) {
    return {
      granted: () => void answers.push(`${name} granted`),
      refused: () => void answers.push(`${name} refused`),
    };
  }

  it("share one id a turn, and are served once their index is applied, not before", () => {
    const answers: string[] = [];
    const reads = new PendingReads();
    expect(reads.takeTurn()).to.equal(null);
    reads.add(read(answers, "a"));
    reads.add(read(answers, "b"));
    expect(reads.takeTurn()).to.equal(1);
    reads.add(read(answers, "c"));
    expect(reads.takeTurn()).to.equal(2);
    reads.granted(grant(1, 7), logIndex(6));
    reads.granted(grant(2, 6), logIndex(6));
    expect(answers).to.deep.equal(["c granted"]);
    reads.applied(logIndex(7));
    expect(answers).to.deep.equal(["c granted", "a granted", "b granted"]);
    reads.applied(logIndex(8));
    expect(answers).to.have.length(3);
  });

  it("are refused with their turn, and all of them when the node stops", () => {
    const answers: string[] = [];
    const reads = new PendingReads();
    reads.add(read(answers, "a"));
    reads.takeTurn();
    reads.rejected(1);
    reads.add(read(answers, "b"));
    reads.takeTurn();
    reads.granted(grant(2, 9), logIndex(1));
    reads.add(read(answers, "c"));
    reads.takeTurn();
    reads.add(read(answers, "d"));
    reads.abandon();
    expect(answers).to.deep.equal(["a refused", "d refused", "c refused", "b refused"]);
  });
});
