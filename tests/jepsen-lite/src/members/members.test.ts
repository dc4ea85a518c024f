import { connect } from "@raftkv/client";
import type { Client, MemberInfo } from "@raftkv/client";
import { exitCodeOf, startNode } from "@raftkv/node";
import { expect } from "chai";
import { until } from "../harness/until.js";
import { LiveNodes, codeOf, member } from "./live-nodes.js";

describe("the members of a live cluster (§4)", function () {
  this.timeout(60_000);
  let nodes: LiveNodes;
  let client: Client;

  beforeEach(async () => {
    nodes = await LiveNodes.start();
    client = await connect({ endpoints: [nodes.endpoint("n1")] });
  });
  afterEach(async () => {
    await client.close();
    await nodes.close();
  });

  function voter(name: string): Promise<MemberInfo> {
    return until(`${name} votes`, async () => {
      const found = member(await client.members.list(), name);
      return found?.role === "voter" ? found : null;
    });
  }

  /** Adds a node, starts it, and waits until it votes. */
  async function grow(name: string): Promise<void> {
    const peer = await nodes.prepare(name);
    await client.members.add(name, { peer });
    await nodes.run(name);
    await voter(name);
  }

  it("a node that is added and started has everything, and votes by itself; whichever comes first (R22, R25)", async () => {
    for (let at = 0; at < 20; at += 1) await client.put(`k${at}`, "v");
    const peer = await nodes.prepare("n2");
    const added = await client.members.add("n2", { peer });
    expect(member(added, "n2")).to.include({ role: "unstarted", willVote: true, serverId: null, peer });
    await nodes.run("n2");
    await voter("n2");

    const third = await nodes.prepare("n3");
    await nodes.run("n3");
    await client.members.add("n3", { peer: third });
    await voter("n3");
    await client.put("last", "v");
    await until("all three hold the same", async () => {
      const all = await nodes.statuses();
      return new Set(all.map(({ hash, revision }) => `${revision} ${hash}`)).size === 1 ? all : null;
    });
  });

  it("a member stays known, and where it is, when all are started again; the others follow a new address (R21)", async () => {
    await grow("n2");
    await grow("n3");
    for (const name of ["n1", "n2", "n3"]) await nodes.stop(name);
    await nodes.run("n1");
    await nodes.run("n2");
    await nodes.leader();
    await client.members.update("n3", { peer: await nodes.move("n3") });
    await nodes.run("n3");
    await until("n3 is alive", async () =>
      member(await client.members.list(), "n3")?.alive === true ? true : null,
    );
  });

  it("a removed member ends, says why, and does not start again; its name can be given to another (R25)", async () => {
    await grow("n2");
    await grow("n3");
    await client.members.remove("n3");
    const error = await nodes.failureOf("n3");
    expect(error?.message).to.contain("n3 was removed");
    expect(exitCodeOf(error)).to.equal(77);
    expect(await startNode(nodes.option("n3")).catch((failure: unknown) => exitCodeOf(failure))).to.equal(77);
    expect((await client.members.list()).map(({ name }) => name)).to.deep.equal(["n1", "n2"]);
    const peer = await nodes.prepare("n3", { join: true, dataDir: `${nodes.dir}/n3-again` });
    await client.members.add("n3", { peer });
    await nodes.run("n3");
    await voter("n3");
  });

  it("a member that was away when it was removed is told when it comes back (R25)", async () => {
    await grow("n2");
    await grow("n3");
    await nodes.stop("n3");
    await client.members.remove("n3");
    await nodes.run("n3");
    expect(exitCodeOf(await nodes.failureOf("n3"))).to.equal(77);
  });

  it("a leader that is removed hands over first, and ends; clients that knew it alone go on", async () => {
    await grow("n2");
    await grow("n3");
    const { name } = await nodes.leader();
    await client.members.remove(name);
    expect(exitCodeOf(await nodes.failureOf(name))).to.equal(77);
    expect((await client.put("after", "v")).revision).to.be.above(0);
  });

  it("moves leadership to the member that is named, and says why when it cannot (R20)", async () => {
    await grow("n2");
    await grow("n3");
    // On a busy machine one can take longer than an election timeout, and the leader leads on.
    const moved = (to?: string): Promise<string> =>
      until("leadership is handed over", async () => {
        const asked = client.members.transferLeadership(to === undefined ? {} : { to });
        const name = await asked.then(
          (leader) => leader.name,
          (error: unknown) => {
            if ((error as { readonly code: string }).code === "TRANSFER_FAILED") return null;
            throw error;
          },
        );
        return name;
      });
    for (const to of ["n2", "n3", "n1", "n1"]) {
      expect(await moved(to)).to.equal(to);
      expect((await client.put("k", to)).revision).to.be.above(0);
    }
    expect(await moved()).to.be.oneOf(["n2", "n3"]);
    expect(await codeOf(client.members.transferLeadership({ to: "n9" }))).to.equal("MEMBER_NOT_FOUND");
  });

  it("refuses what would leave no living majority, unless it is forced, and what leaves no voter with data at all", async () => {
    expect(await codeOf(client.members.remove("n1"))).to.equal("QUORUM_AT_RISK");
    expect(await codeOf(client.members.remove("n1", { force: true }))).to.equal("QUORUM_AT_RISK");
    await grow("n2");
    await grow("n3");
    const follower = (await nodes.leader()).name === "n3" ? "n2" : "n3";
    await nodes.stop(follower);
    await until("it counts as gone", async () =>
      member(await client.members.list(), follower)?.alive === false ? true : null,
    );
    const { name: leader } = await nodes.leader();
    const other = ["n1", "n2", "n3"].find((name) => name !== leader && name !== follower) ?? "";
    expect(await codeOf(client.members.remove(other))).to.equal("QUORUM_AT_RISK");
    expect(await codeOf(client.members.remove(leader))).to.equal("QUORUM_AT_RISK");
    await client.members.remove(follower);
    expect((await client.put("k", "v")).revision).to.be.above(0);
  });

  it("gives a learner that lags, or is not there, no vote (R22)", async () => {
    const peer = await nodes.prepare("n2");
    await client.members.add("n2", { peer, learner: true });
    expect(await codeOf(client.members.promote("n2"))).to.equal("MEMBER_LAGS");
    await nodes.run("n2");
    await until("n2 is met", async () =>
      member(await client.members.list(), "n2")?.role === "learner" ? true : null,
    );
    await nodes.stop("n2");
    await until("n2 counts as gone", async () =>
      member(await client.members.list(), "n2")?.alive === false ? true : null,
    );
    expect(await codeOf(client.members.promote("n2"))).to.equal("MEMBER_LAGS");
    await Promise.all(Array.from({ length: 1_200 }, (_, at) => client.put(`k${at}`, "v")));
    const lag = member(await client.members.list(), "n2")?.lag ?? 0;
    expect(lag).to.be.above(0);
    await nodes.run("n2");
    await until("n2 is promoted", async () =>
      (await codeOf(client.members.promote("n2"))) === "done" ? true : null,
    );
    expect(member(await client.members.list(), "n2")).to.include({ role: "voter" });
  });

  it("does each change once, however often it is asked for, and refuses another one of the same name", async () => {
    const peer = await nodes.prepare("n2");
    await client.members.add("n2", { peer });
    await client.members.add("n2", { peer });
    expect(await codeOf(client.members.add("n2", { peer: "127.0.0.1:1" }))).to.equal("MEMBER_EXISTS");
    expect(await codeOf(client.members.add("n9", { peer }))).to.equal("MEMBER_EXISTS");
    expect(await codeOf(client.members.add("n 2", { peer: "127.0.0.1:1" }))).to.equal("INVALID_ARGUMENT");
    expect(await codeOf(client.members.remove("n9"))).to.equal("MEMBER_NOT_FOUND");
    await client.members.remove("n2");
    expect((await client.members.list()).map(({ name }) => name)).to.deep.equal(["n1"]);
    // Many at once are done one after the other.
    const names = ["a", "b", "c", "d"];
    await Promise.all(names.map((name, at) => client.members.add(name, { peer: `127.0.0.1:${at + 1}` })));
    expect((await client.members.list()).map(({ name }) => name)).to.deep.equal(["n1", ...names]);
  });
});
