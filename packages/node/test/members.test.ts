import { expect } from "chai";
import { MEMBERS_MAX } from "@raftkv/protocol";
import type { LeaderHint } from "@raftkv/protocol";
import { logIndex, serverId, term } from "raft-ts";
import type { Configuration, MemberEntry, ProgressState, Raft, RaftEvent, ServerId } from "raft-ts";
import type { LogProposal, RequestRefusal } from "../dist/group/log-proposal.js";
import { Members } from "../dist/group/members/members.js";

const N1 = serverId("1111111111111111");
const N2 = serverId("2222222222222222");
const LEADER: LeaderHint = { name: "n1", address: "127.0.0.1:7401", term: 1 };

const entry = (name: string, id: ServerId | null, more: Partial<MemberEntry> = {}): MemberEntry => ({
  name,
  id,
  peer: `127.0.0.1:750${name.slice(1)}`,
  client: null,
  witness: false,
  willVote: false,
  ...more,
});

/** A core that leads or not, and writes down what it is told. */
class FakeRaft {
  isLeader = true;
  commitIndex = logIndex(5);
  configurationIndex = logIndex(5);
  configuration: Configuration;
  state: ProgressState = "replicate";
  recentlyActive = true;
  readonly steps: RaftEvent<LogProposal>[] = [];

  constructor(members: readonly MemberEntry[], learners: readonly ServerId[] = []) {
    const known = members.flatMap(({ id }) => (id === null ? [] : [id]));
    this.configuration = {
      voters: known.filter((id) => !learners.includes(id)),
      outgoing: [],
      learners,
      witnesses: [],
      autoLeave: false,
      directory: { members, removed: [] },
    };
  }

  status() {
    const { configuration, recentlyActive, state } = this;
    const others = [...configuration.voters, ...configuration.learners].filter((id) => id !== N1);
    return {
      configuration,
      id: N1,
      lastIndex: logIndex(10),
      role: this.isLeader ? "leader" : "follower",
      leader: N1,
      progress: others.map((id) => ({ id, state, matchIndex: logIndex(10), recentlyActive })),
    };
  }

  termAt() {
    return term(1);
  }
}

/** @param formats what is in force, null while nobody can say, and what everybody who was met understands. */
function over(
  raft: FakeRaft,
  formats: { inForce: number | null; met: number } = { inForce: 1, met: 1 },
): Members {
  return new Members({
    raft: raft as unknown as Raft<LogProposal>,
    step: (event) => raft.steps.push(event),
    leader: () => LEADER,
    logFormat: () => formats.inForce,
    formatOfAll: () => formats.met,
    places: { entries: () => [], member: () => null, logFormatOf: () => formats.met },
    onConfiguration: () => undefined,
  });
}

/** Asks, and tells what came of it at once. */
function asked(ask: (asker: Parameters<Members["change"]>[1]) => void): string {
  let said = "nothing yet";
  ask({
    expiresAtMs: Number.POSITIVE_INFINITY,
    done: () => (said = "done"),
    refused: ({ code }) => (said = code),
  });
  return said;
}

describe("the members of a group, as they are changed", () => {
  const bound = (raft: FakeRaft): number =>
    raft.steps.filter(
      (step) => step.kind === "changeMembership" && step.change.members[0]?.kind === "addLearner",
    ).length;

  it("a node that was met is taken in also when the entry that took it in is truncated (R21)", () => {
    const raft = new FakeRaft([entry("n1", N1), entry("n2", null, { willVote: true })]);
    const members = over(raft);
    members.met("n2", N2, "127.0.0.1:7502", "127.0.0.1:7402");
    members.tick(1_000);
    expect(bound(raft)).to.equal(1);
    members.appended(logIndex(6), term(1));
    raft.isLeader = false;
    members.observe();
    raft.isLeader = true;
    members.tick(2_000);
    expect(bound(raft)).to.equal(2);
  });

  it("a node that was met where the name stood before is not taken in (R25)", () => {
    const raft = new FakeRaft([entry("n1", N1), entry("n2", null, { peer: "127.0.0.1:7592" })]);
    const members = over(raft);
    members.met("n2", N2, "127.0.0.1:7502", "127.0.0.1:7402");
    members.tick(1_000);
    expect(raft.steps).to.deep.equal([]);
    members.met("n2", N2, "127.0.0.1:7592", "127.0.0.1:7402");
    members.tick(2_000);
    expect(bound(raft)).to.equal(1);
  });

  it("a node that does not understand the log's format is not taken in, nor anybody while that is about to change", () => {
    const raft = new FakeRaft([entry("n1", N1), entry("n2", null)]);
    const formats: { inForce: number | null; met: number } = { inForce: 2, met: 1 };
    const members = over(raft, formats);
    members.met("n2", N2, "127.0.0.1:7502", "127.0.0.1:7402");
    members.tick(1_000);
    formats.met = 2;
    formats.inForce = null;
    members.tick(2_000);
    expect(raft.steps).to.deep.equal([]);
    formats.inForce = 2;
    members.tick(3_000);
    expect(bound(raft)).to.equal(1);
  });

  it("a learner that has acknowledged nothing yet gets no vote, however short the log is (R22)", () => {
    for (const state of ["probe", "snapshot", "replicate"] as const) {
      const raft = new FakeRaft([entry("n1", N1), entry("n2", N2, { willVote: true })], [N2]);
      raft.state = state;
      const members = over(raft);
      for (let nowMs = 1_000; nowMs < 3_000 && raft.steps.length === 0; nowMs += 100) members.tick(nowMs);
      expect(raft.steps.length, `by itself, ${state}`).to.equal(state === "replicate" ? 1 : 0);
      if (state === "replicate") continue;
      const promote = { kind: "promote", name: "n2", force: true } as const;
      expect(asked((asker) => members.change(promote, asker))).to.equal("MEMBER_LAGS");
    }
  });

  it("leadership is not handed to who does not answer: writes would wait an election timeout for nothing (R20)", () => {
    const raft = new FakeRaft([entry("n1", N1), entry("n2", N2)]);
    raft.recentlyActive = false;
    const members = over(raft);
    expect(asked((asker) => members.transfer("n2", asker))).to.equal("TRANSFER_FAILED");
    expect(raft.steps).to.deep.equal([]);
  });

  it("one member more than there may be is refused, naming the limit; who is there already is found (C7)", () => {
    const all = Array.from({ length: MEMBERS_MAX }, (_, at) => entry(`n${at + 1}`, at === 0 ? N1 : null));
    const add = (raft: FakeRaft, name: string) => {
      let said: Partial<RequestRefusal> | null = null;
      over(raft).change(
        { kind: "add", name, peer: `127.0.0.1:750${name.slice(1)}`, witness: false, learnerOnly: true },
        {
          expiresAtMs: Number.POSITIVE_INFINITY,
          done: () => undefined,
          refused: (refusal) => (said = refusal),
        },
      );
      return { said, steps: raft.steps.length };
    };
    const full = add(new FakeRaft(all), "n99");
    expect(full.said).to.include({ code: "TOO_LARGE", limit: MEMBERS_MAX });
    expect(full.steps).to.equal(0);
    expect(add(new FakeRaft(all), "n2")).to.deep.equal({ said: null, steps: 0 });
    expect(add(new FakeRaft(all.slice(1)), "n99")).to.deep.equal({ said: null, steps: 1 });
  });

  it("a member that was added as a learner is not said to have been added as a voter", () => {
    const raft = new FakeRaft([entry("n1", N1), entry("n2", null), entry("n3", null, { willVote: true })]);
    const members = over(raft);
    const add = (name: string, learnerOnly: boolean): string =>
      asked((asker) =>
        members.change(
          { kind: "add", name, peer: `127.0.0.1:750${name.slice(1)}`, witness: false, learnerOnly },
          asker,
        ),
      );
    expect(add("n2", true)).to.equal("done");
    expect(add("n2", false)).to.equal("MEMBER_EXISTS");
    expect(add("n3", false)).to.equal("done");
    expect(add("n3", true)).to.equal("MEMBER_EXISTS");
  });
});
