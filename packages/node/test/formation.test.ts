import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { parseNodeOptions } from "@raftkv/node";
import type { PeerIdentity, PeerMember } from "@raftkv/protocol";
import { serverId } from "raft-ts";
import type { Configuration, MemberEntry } from "raft-ts";
import { Formation } from "../dist/formation.js";
import { createDirectory, openRecord } from "../dist/identity.js";

const PEERS: Readonly<Record<string, string>> = {
  n1: "127.0.0.1:7501",
  n2: "127.0.0.1:7502",
  n3: "127.0.0.1:7503",
};
const id = (name: string): string => name.slice(1).padStart(16, "a");

describe("what a node knows of the members (R21, R25)", () => {
  let dir: string;
  let events: string[];

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "raftkv-formation-"));
    events = [];
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  function formation(name: string, start: "init" | "join"): Formation {
    const options = parseNodeOptions(
      {
        name,
        dataDir: join(dir, name),
        [start]: true,
        listenClient: "127.0.0.1:7401",
        listenPeer: PEERS[name] ?? "127.0.0.1:7599",
        initialCluster: Object.entries(PEERS)
          .map(([member, peer]) => `${member}=${peer}`)
          .join(","),
        logLevel: "silent",
      },
      {},
    );
    createDirectory(options.dataDir);
    const record = openRecord(options, false);
    return new Formation(options, record, {
      logFormat: 3,
      onFormed: () => events.push("formed"),
      onMembers: () => events.push("members"),
      onRemoved: () => events.push("removed"),
    });
  }

  const member = (name: string, more: Partial<PeerMember> = {}): PeerMember => ({
    name,
    serverId: id(name),
    peer: PEERS[name] ?? "127.0.0.1:7599",
    client: "127.0.0.1:7400",
    witness: false,
    ...more,
  });

  /** What a member of a cluster that has formed says of itself. */
  const formed = (name: string, members: readonly PeerMember[], membersIndex: number): PeerIdentity => ({
    clusterId: "c".repeat(32),
    name,
    serverId: id(name),
    advertisePeer: PEERS[name] ?? "",
    advertiseClient: "127.0.0.1:7400",
    members,
    membersIndex,
    restored: null,
    logFormat: 1,
  });

  const configuration = (members: readonly PeerMember[] | null): Configuration => {
    const voters = (members ?? []).flatMap(({ serverId: own }) => (own === null ? [] : [serverId(own)]));
    const entries = (members ?? []).map((one): MemberEntry => {
      const { client, name, peer, witness } = one;
      return {
        name,
        id: one.serverId === null ? null : serverId(one.serverId),
        peer,
        client,
        witness,
        willVote: false,
      };
    });
    return {
      voters,
      outgoing: [],
      learners: [],
      witnesses: [],
      autoLeave: false,
      ...(members === null ? {} : { directory: { members: entries, removed: [] } }),
    };
  };

  /** A member that has joined, and knows the members as they stand at `index`. */
  function joined(index: number): { node: Formation; all: PeerMember[] } {
    const node = formation("n1", "join");
    const all = [member("n1", { serverId: node.record.serverId }), member("n2"), member("n3")];
    expect(node.meet(formed("n2", all, index))).to.equal(null);
    expect(node.formed).to.equal(true);
    return { node, all };
  }

  const peerOf = (node: Formation, name: string): string | undefined =>
    node.members.find((one) => one.name === name)?.peer;

  const moved = (all: readonly PeerMember[], name: string, peer: string): PeerMember[] =>
    all.map((one) => (one.name === name ? { ...one, peer } : one));

  it("an entry that is truncated takes its addresses along, also when there was no directory before it (R21)", () => {
    const { all, node } = joined(0);
    node.configured(configuration(moved(all, "n2", "127.0.0.1:7999")), 9, false);
    expect(peerOf(node, "n2")).to.equal("127.0.0.1:7999");
    events.length = 0;
    node.configured(configuration(null), 0, true);
    expect(peerOf(node, "n2")).to.equal(PEERS["n2"]);
    expect(events, "the others are dialled there").to.deep.equal(["members"]);
  });

  it("an entry that is truncated takes its addresses along, also when what is in force then is older than what was heard (R21)", () => {
    const { all, node } = joined(5);
    node.configured(configuration(moved(all, "n2", "127.0.0.1:7999")), 9, false);
    node.configured(configuration(all), 3, true);
    expect(peerOf(node, "n2")).to.equal(PEERS["n2"]);
  });

  it("what others have committed goes before an older entry that this node has not (R21)", () => {
    const { all, node } = joined(5);
    node.configured(configuration(moved(all, "n2", "127.0.0.1:7999")), 9, false);
    expect(node.meet(formed("n3", moved(all, "n2", "127.0.0.1:7888"), 12))).to.equal(null);
    expect(peerOf(node, "n2")).to.equal("127.0.0.1:7888");
    node.configured(configuration(moved(all, "n2", "127.0.0.1:7777")), 20, false);
    expect(node.meet(formed("n3", moved(all, "n2", "127.0.0.1:7666"), 15))).to.equal(null);
    expect(peerOf(node, "n2"), "a newer one stays").to.equal("127.0.0.1:7777");
  });

  it("a member that was away while the others formed the cluster and changed it takes part: it cannot meet all of them any more (R25)", () => {
    const node = formation("n1", "init");
    const left = [member("n1", { serverId: node.record.serverId }), member("n2")];
    expect(node.meet(formed("n2", left, 0)), "as they formed").to.equal(null);
    expect(node.formed).to.equal(false);
    expect(node.meet(formed("n2", left, 7))).to.equal(null);
    expect(events).to.include("formed");
    expect(node.record).to.include({ clusterId: "c".repeat(32), membersIndex: 7, start: "join" });
    expect(node.record.members.map(({ name }) => name)).to.deep.equal(["n1", "n2"]);
  });

  it("a server that is not among later members was removed, whoever has its name now (R25)", () => {
    const { all, node } = joined(5);
    const another = all.map((one) => (one.name === "n1" ? { ...one, serverId: "b".repeat(16) } : one));
    node.meet(formed("n2", another, 5));
    node.meet(formed("n2", all, 9));
    expect(events).to.not.include("removed");
    node.meet(formed("n2", another, 12));
    expect(events).to.include("removed");
  });

  it("a node for a new cluster is not taken for one that joins, and says how it should be started (R25)", () => {
    const node = formation("n1", "init");
    const all = [member("n1", { serverId: null }), member("n2"), member("n3")];
    const refusal = node.meet(formed("n2", all, 7));
    expect(refusal?.code).to.equal("WRONG_CLUSTER");
    expect(refusal?.message).to.contain("--join");
    expect(node.formed).to.equal(false);
  });
});
