import { expect } from "chai";
import { logIndex, term } from "raft-ts";
import type { ClientProposal } from "../dist/group/client-proposal.js";
import { PendingReads } from "../dist/group/pending-reads.js";
import type { ReadLeave } from "../dist/group/pending-reads.js";
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
    writes.tick(150);
    expect(answers).to.deep.equal(["1 OUTCOME_UNKNOWN"]);
    writes.abandon();
    expect(answers).to.deep.equal(["1 OUTCOME_UNKNOWN", "2 OUTCOME_UNKNOWN"]);
    expect(writes.size).to.equal(0);
  });
});

describe("reads that wait (R18)", () => {
  const grant = (readId: number, index: number, leaseEndMicros: number | null = null) => ({
    readId,
    index: logIndex(index),
    term: term(1),
    leaseEndMicros,
  });
  const pending = (leaseHolds = (): boolean => true): PendingReads => new PendingReads({ leaseHolds });

  function read(answers: string[], name: string) {
    return {
      granted: () => void answers.push(`${name} granted`),
      refused: () => void answers.push(`${name} refused`),
    };
  }

  it("share one id a turn, and are served once their index is applied, not before", () => {
    const answers: string[] = [];
    const reads = pending();
    expect(reads.takeTurn()).to.deep.equal({ readId: null, byMajorityId: null });
    reads.add(read(answers, "a"));
    reads.add(read(answers, "b"));
    expect(reads.takeTurn()).to.deep.equal({ readId: 1, byMajorityId: null });
    reads.add(read(answers, "c"));
    expect(reads.takeTurn()).to.deep.equal({ readId: 2, byMajorityId: null });
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
    const reads = pending();
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

  it("those that no lease may grant have an id of their own; what is confirmed by a majority lasts (R19)", () => {
    const answers: string[] = [];
    let isHeld = true;
    const leaves: ReadLeave[] = [];
    const reads = pending(() => isHeld);
    const asked = (name: string) => ({
      ...read(answers, name),
      granted: (leave: ReadLeave) => {
        answers.push(`${name} granted`);
        leaves.push(leave);
      },
    });
    reads.add(asked("a"));
    reads.add(asked("b"));
    reads.addByMajority(asked("c"));
    expect(reads.size).to.equal(3);
    expect(reads.takeTurn()).to.deep.equal({ readId: 1, byMajorityId: 2 });
    reads.granted(grant(1, 7, 1_000), logIndex(6));
    reads.granted(grant(2, 6), logIndex(6));
    reads.applied(logIndex(7));
    expect(answers).to.deep.equal(["c granted", "a granted", "b granted"]);
    expect(leaves.map((leave) => leave.holds())).to.deep.equal([true, true, true]);
    expect(reads.leases).to.deep.equal({ granted: 2, ended: 0 });
    isHeld = false;
    expect(leaves.map((leave) => leave.holds())).to.deep.equal([true, false, false]);
    expect(reads.leases).to.deep.equal({ granted: 2, ended: 2 });
    reads.addByMajority(asked("d"));
    reads.abandon();
    expect(answers.at(-1)).to.equal("d refused");
  });
});
