import { expect } from "chai";
import { groupId, logIndex } from "raft-ts";
import type { RaftEvent } from "raft-ts";
import { Group } from "../dist/group/group.js";
import type { GroupOptions } from "../dist/group/group-options.js";
import type { LogProposal } from "../dist/group/log-proposal.js";
import { until } from "./support/nodes.js";
import { proposalOf, told } from "./support/proposals.js";

describe("the core's clock (R8, R19)", () => {
  it("is told with every step, in whole microseconds above 0", async () => {
    const steps: [RaftEvent<LogProposal>["kind"], number | undefined][] = [];
    const group = new Group({
      id: groupId(1),
      appliedIndex: logIndex(0),
      data: null,
      raft: {
        step: ({ kind }: RaftEvent<LogProposal>, nowMicros?: number) => steps.push([kind, nowMicros]),
        ready: () => null,
        status: () => ({ leader: null, configuration: {} }),
        isLeader: false,
        commitIndex: 0,
        configurationIndex: 0,
        configuration: { voters: [], outgoing: [], learners: [] },
      },
      bodies: { clear: () => undefined },
      space: { takesEntries: true },
      checkpointer: { idle: async () => undefined, tick: () => undefined, applied: () => undefined },
      places: { entries: () => [], member: () => null, logFormatOf: () => null },
      onConfiguration: () => undefined,
      onFailed: (error: unknown) => {
        throw error;
      },
    } as unknown as GroupOptions);
    group.tick(1);
    group.happened({ kind: "unreachable", peer: "b" as never });
    group.receive({ group: groupId(1), messages: [{ kind: "commitNotice" }] } as never);
    group.propose(proposalOf(told().origin, 1));
    group.read({ granted: () => undefined, refused: () => undefined });
    group.readByMajority({ granted: () => undefined, refused: () => undefined });
    await until("the turn is over", () => (steps.length >= 6 ? true : null));
    expect(steps.map(([kind]) => kind)).to.deep.equal([
      "tick",
      "unreachable",
      "receive",
      "propose",
      "read",
      "readByMajority",
    ]);
    let last = 0;
    for (const [kind, nowMicros] of steps) {
      expect(nowMicros, kind).to.satisfy(
        (now: number) => Number.isSafeInteger(now) && now > 0 && now >= last,
      );
      last = nowMicros ?? 0;
    }
    await group.stop();
  });
});
