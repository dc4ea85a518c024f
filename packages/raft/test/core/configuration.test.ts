import { expect } from "chai";
import {
  configurationEntryBytes,
  decodeConfiguration,
  encodeConfiguration,
  serverId,
} from "../../dist/core/index.js";
import type { Configuration, MembershipChange } from "../../dist/core/index.js";
import { changed, withoutOutgoing } from "../../dist/core/membership-change.js";
import { configurationOf } from "./support/cluster.js";

const LEASE = { electionTimeoutMicros: 1_000_000, marginPercent: 25 };

const change = (
  members: MembershipChange["members"],
  joint: MembershipChange["joint"] = "auto",
): MembershipChange => ({
  members,
  joint,
});

describe("the body of a configuration entry", () => {
  it("comes back as it was, and its size is that of its bytes in UTF-8 behind the header", () => {
    const all: Configuration = {
      ...configurationOf(["a", "ß", "漢"], { outgoing: ["a", "😀"], learners: ["l"], witnesses: ["ß"] }),
      lease: LEASE,
    };
    for (const configuration of [all, { ...configurationOf(["a"]), lease: null }]) {
      const body = encodeConfiguration(configuration);
      expect(decodeConfiguration(body)).to.deep.equal(configuration);
      expect(configurationEntryBytes(configuration)).to.equal(32 + Buffer.byteLength(body));
    }
  });

  it("without a lease, as it was before there were any, means that the group uses none", () => {
    expect(decodeConfiguration(encodeConfiguration(configurationOf(["a"]))).lease).to.equal(null);
  });

  it("that is none is refused, naming what is wrong", () => {
    const good = configurationOf(["a"]);
    for (const [bad, what] of [
      [null, "left automatically"],
      [{ ...good, autoLeave: 1 }, "left automatically"],
      [{ ...good, voters: "a" }, "voters"],
      [{ ...good, learners: [1] }, "learners"],
      [{ ...good, lease: { marginPercent: 1 } }, "lease"],
    ] as const) {
      expect(() => decodeConfiguration(JSON.stringify(bad))).to.throw(TypeError, what);
    }
  });
});

describe("what a change makes of a configuration (thesis §4)", () => {
  it("keeps everything that it does not name, the lease and the witnesses included (R21, R22)", () => {
    const from = { ...configurationOf(["a", "b", "w"], { witnesses: ["w"] }), lease: LEASE };
    const next = changed(from, change([{ kind: "addLearner", id: serverId("d"), witness: false }]));
    expect(next).to.deep.equal({ ...from, learners: ["d"] });
  });

  it("goes in one step when one voter changes, through a joint configuration when two do", () => {
    const from = configurationOf(["a", "b", "c"], { learners: ["d"] });
    const one = changed(from, change([{ kind: "promote", id: serverId("d") }]));
    expect(one).to.deep.include({ voters: ["a", "b", "c", "d"], outgoing: [] });
    const two = changed(
      from,
      change([
        { kind: "promote", id: serverId("d") },
        { kind: "remove", id: serverId("a") },
      ]),
    );
    expect(two).to.deep.include({ voters: ["b", "c", "d"], outgoing: ["a", "b", "c"], autoLeave: true });
  });

  it("a witness that leaves through a joint configuration is one until it has left; a learner goes at once (R24)", () => {
    const from = configurationOf(["a", "w"], { learners: ["v"], witnesses: ["w", "v"] });
    const joint = changed(
      from,
      change(
        [
          { kind: "remove", id: serverId("w") },
          { kind: "remove", id: serverId("v") },
        ],
        "manual",
      ),
    );
    expect(joint).to.deep.include({
      voters: ["a"],
      outgoing: ["a", "w"],
      learners: [],
      witnesses: ["w"],
      autoLeave: false,
    });
    if (typeof joint !== "string")
      expect(withoutOutgoing(joint)).to.deep.include({ outgoing: [], witnesses: [] });
  });
});
