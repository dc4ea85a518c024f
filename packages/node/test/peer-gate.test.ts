import { expect } from "chai";
import {
  PEER_NAME_HEADER,
  PEER_PATH,
  PEER_VERSION_MAX,
  PEER_VERSION_MIN,
  decodePeerWelcome,
  encodePeerFrame,
  encodePeerHello,
  peerMessageToWire,
} from "@raftkv/protocol";
import { LOG_FORMAT } from "@raftkv/fsm";
import type { PeerHello, PeerWelcome } from "@raftkv/protocol";
import { encodeFrame, groupId, logIndex, serverId, term } from "raft-ts";
import { WebSocket } from "ws";
import type { NodeStatus } from "@raftkv/node";
import { TestNodes, until } from "./support/nodes.js";

describe("the peer address (R25, C6)", () => {
  let nodes: TestNodes;
  let status: NodeStatus;

  before(async () => {
    nodes = await TestNodes.create(2);
    await nodes.startAll();
    await nodes.leader();
    status = (await nodes.running.get("n1")?.status()) as NodeStatus;
  });
  after(() => nodes.close());

  /** A hello as n2 itself would send it. */
  function honest(): PeerHello {
    const n2 = status.members.find((member) => member.name === "n2");
    return {
      versionMin: PEER_VERSION_MIN,
      versionMax: PEER_VERSION_MAX,
      to: "n1",
      lane: "bulk",
      clusterId: status.clusterId,
      name: "n2",
      serverId: n2?.serverId ?? "",
      advertisePeer: n2?.peer ?? "",
      advertiseClient: n2?.client ?? "",
      members: status.members,
      membersIndex: 0,
      restored: null,
      logFormat: LOG_FORMAT,
    };
  }

  async function dial(
    first: Buffer,
    headers: Record<string, string> = {},
  ): Promise<{ socket: WebSocket; answer: PeerWelcome | null }> {
    const { host, port } = nodes.option("n1").listenPeer;
    const socket = new WebSocket(`ws://${host}:${port}${PEER_PATH}`, { headers, perMessageDeflate: false });
    socket.on("error", () => undefined);
    await new Promise<void>((resolve) => {
      socket.once("open", () => resolve());
      socket.once("close", () => resolve());
    });
    if (socket.readyState !== WebSocket.OPEN) return { socket, answer: null };
    const answer = new Promise<PeerWelcome | null>((resolve) => {
      socket.once("message", (data) => resolve(decodePeerWelcome(data as Buffer)));
      socket.once("close", () => resolve(null));
    });
    socket.send(first);
    return { socket, answer: await answer };
  }

  async function refusalOf(hello: PeerHello): Promise<string> {
    const { socket, answer } = await dial(encodePeerHello(hello));
    socket.terminate();
    return answer === null || answer.accepted ? "none" : answer.code;
  }

  it("takes the member that it knows", async () => {
    expect(await refusalOf(honest())).to.equal("none");
  });

  it("refuses a known name with another server id: its promises went with its disk", async () => {
    expect(await refusalOf({ ...honest(), serverId: "0123456789abcdef" })).to.equal("IDENTITY_CHANGED");
  });

  it("refuses a peer that knows this node under another id", async () => {
    const members = status.members.map((member) =>
      member.name === "n1" ? { ...member, serverId: "0123456789abcdef" } : member,
    );
    expect(await refusalOf({ ...honest(), members })).to.equal("IDENTITY_CHANGED");
  });

  it("refuses a name that is no member's, and its own", async () => {
    expect(await refusalOf({ ...honest(), name: "n9" })).to.equal("UNKNOWN_MEMBER");
    expect(await refusalOf({ ...honest(), name: "n1" })).to.equal("UNKNOWN_MEMBER");
  });

  it("refuses another cluster, another addressee, and versions that it does not speak", async () => {
    expect(await refusalOf({ ...honest(), clusterId: "0".repeat(32) })).to.equal("WRONG_CLUSTER");
    expect(await refusalOf({ ...honest(), to: "n3" })).to.equal("WRONG_NODE");
    expect(await refusalOf({ ...honest(), versionMin: 9, versionMax: 9 })).to.equal("UNSUPPORTED_VERSION");
  });

  it("refuses who does not understand the log any more, naming both formats: it would end in the middle of it", async () => {
    await until("the newest format is in force", async () =>
      (await nodes.running.get("n1")?.status())?.logFormat === LOG_FORMAT ? true : null,
    );
    const { answer, socket } = await dial(encodePeerHello({ ...honest(), logFormat: LOG_FORMAT - 1 }));
    socket.terminate();
    expect(answer).to.deep.equal({
      accepted: false,
      code: "UNSUPPORTED_VERSION",
      message: `the log of the cluster has format ${LOG_FORMAT}, and n2 understands formats up to ${LOG_FORMAT - 1}: start it with a newer version`,
    });
  });

  it("takes an upgrade request that names nobody or who dials, and none that names another or is no name (C6)", async () => {
    const takes = async (headers: Record<string, string>): Promise<boolean> => {
      const { answer, socket } = await dial(encodePeerHello(honest()), headers);
      socket.terminate();
      return answer?.accepted === true;
    };
    expect(await takes({})).to.equal(true);
    expect(await takes({ [PEER_NAME_HEADER]: "n2" })).to.equal(true);
    for (const name of ["n3", "", "n2, n2", "../n2", `n${"2".repeat(64)}`, "n\u00e9"])
      expect(await takes({ [PEER_NAME_HEADER]: name }), name).to.equal(false);
  });

  it("cuts a connection that begins with garbage", async () => {
    const { answer } = await dial(Buffer.from("garbage"));
    expect(answer).to.equal(null);
  });

  function append(entries: Buffer): Buffer {
    const message = {
      kind: "appendRequest",
      from: serverId(honest().serverId),
      to: serverId(status.serverId),
      // Of a term long past: only the bytes of the entries are looked at before it is refused.
      term: term(0),
      prevLogIndex: logIndex(0),
      prevLogTerm: term(0),
      commitIndex: logIndex(0),
      entries,
    } as const;
    return encodePeerFrame(groupId(1), [peerMessageToWire(message)]);
  }

  const entry = encodeFrame(
    { group: groupId(1), term: term(1), index: logIndex(1), kind: "command" },
    Buffer.from("body"),
  ).bytes;

  async function cutBy(frame: Buffer): Promise<boolean> {
    const { socket } = await dial(encodePeerHello(honest()));
    const closed = new Promise<boolean>((resolve) => socket.once("close", () => resolve(true)));
    socket.send(frame);
    // What comes behind is answered in order: a pong shows that the frame was taken.
    const alive = new Promise<boolean>((resolve) => socket.once("pong", () => resolve(false)));
    socket.ping();
    const cut = await Promise.race([closed, alive]);
    socket.terminate();
    return cut;
  }

  it("takes messages only over a connection whose handshake named this cluster (R25)", async () => {
    const later = term((await nodes.leader()).term + 10);
    const ends = { from: serverId(honest().serverId), to: serverId(status.serverId) };
    // Whatever else it says, a message of a later term makes a server adopt that.
    const message = { kind: "heartbeatResponse", ...ends, term: later, readRound: 0, sentMicros: 0 } as const;
    const frame = encodePeerFrame(groupId(1), [peerMessageToWire(message)]);
    const termAfter = async (clusterId: string | null): Promise<number> => {
      const { socket, answer } = await dial(encodePeerHello({ ...honest(), clusterId }));
      expect(answer?.accepted, "a member that has not formed yet is greeted").to.equal(true);
      socket.send(frame);
      const taken = new Promise<void>((resolve) => socket.once("pong", () => resolve()));
      socket.ping();
      await taken;
      socket.terminate();
      return (await nodes.running.get("n1")?.status())?.term ?? 0;
    };
    expect(await termAfter(null)).to.be.below(later);
    expect(await termAfter(status.clusterId)).to.be.at.least(later);
    await nodes.leader();
  });

  it("takes whole entries, and cuts the connection when a checksum, a place or a group is wrong (W2)", async () => {
    expect(await cutBy(append(entry)), "whole").to.equal(false);
    const flipped = Buffer.from(entry);
    flipped[33] = (flipped[33] ?? 0) ^ 1;
    expect(await cutBy(append(flipped)), "a flipped bit").to.equal(true);
    expect(await cutBy(append(Buffer.concat([entry, entry]))), "the same entry twice").to.equal(true);
    expect(await cutBy(append(entry.subarray(0, 20))), "cut short").to.equal(true);
    const foreign = encodeFrame(
      { group: groupId(2), term: term(1), index: logIndex(1), kind: "command" },
      Buffer.from("body"),
    ).bytes;
    expect(await cutBy(append(foreign)), "another group's").to.equal(true);
    expect((await nodes.leader()).role, "and the cluster serves").to.equal("leader");
  });
});
