import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { exitCodeOf, startNode } from "@raftkv/node";
import { expect } from "chai";
import { getRequest, putRequest } from "@raftkv/protocol";
import { clusterIdOf } from "../dist/identity.js";
import { TestNodes, until } from "./support/nodes.js";
import { RawClient } from "./support/raw-client.js";

const KEY = Buffer.from("k");

describe("a witness (R24)", () => {
  let nodes: TestNodes;
  const clients: RawClient[] = [];

  async function start(settings: Record<string, string> = {}): Promise<void> {
    nodes = await TestNodes.create(3, settings, 1);
    await nodes.startAll();
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await nodes.close();
  });

  async function connected(name: string): Promise<RawClient> {
    const client = await RawClient.greeted(nodes.endpoint(name));
    clients.push(client);
    return client;
  }

  async function put(value: string): Promise<string> {
    return until(`${value} is taken`, async () => {
      const { name } = await nodes.leader();
      const reply = (await (await connected(name)).ask([putRequest(1, 2_000, KEY, Buffer.from(value))])).get(
        1,
      );
      return reply?.op === 1 ? name : null;
    });
  }

  const untilShown = (name: string, value: string): Promise<true> =>
    until(`${name} shows ${value}`, async () => {
      const reply = (await (await connected(name)).ask([getRequest(1, 500, KEY, true)])).get(1);
      return reply?.op === 2 && reply.value?.toString() === value ? true : null;
    });

  const other = (name: string): string => (name === "n1" ? "n2" : "n1");

  it("stores the log and nothing else, shows no data, and sends writes to the leader", async () => {
    await start();
    const leader = await put("v");
    const { dataDir } = nodes.option("n3");
    const stored = (await nodes.leader()).lastIndex;
    await until("it has the log", async () =>
      (await nodes.running.get("n3")?.status())?.lastIndex === stored ? true : null,
    );
    expect(await nodes.running.get("n3")?.status()).to.deep.include({
      witness: true,
      revision: 0,
      hash: null,
    });
    expect([existsSync(join(dataDir, "wal")), existsSync(join(dataDir, "groups"))]).to.deep.equal([
      true,
      false,
    ]);
    const client = await connected("n3");
    const replies = await client.ask([
      getRequest(1, 0, KEY, true),
      getRequest(2, 0, KEY, false),
      putRequest(3, 0, KEY, Buffer.from("w")),
    ]);
    for (const id of [1, 2]) expect(replies.get(id)).to.deep.include({ op: 0, code: "UNAVAILABLE" });
    expect(replies.get(3)).to.deep.include({ op: 0, code: "NOT_LEADER" });
    expect((replies.get(3) as { leader: { name: string } }).leader.name).to.equal(leader);
  });

  it("with either member with data gone, the other serves", async () => {
    await start();
    await put("all have met");
    for (const gone of ["n1", "n2"]) {
      await nodes.stop(gone);
      expect(await put(`without ${gone}`)).to.equal(other(gone));
      await untilShown(other(gone), `without ${gone}`);
      await nodes.start(gone);
      await until("it is back", async () => {
        const all = await nodes.statuses();
        return new Set(all.map(({ appliedIndex }) => appliedIndex)).size === 1 ? true : null;
      });
    }
  });

  it("alone with the newest entry, it wins, brings the other member up to date, and hands over", async () => {
    await start();
    const leader = (await nodes.leader()).name;
    const behind = other(leader);
    await nodes.stop(behind);
    await put("newest");
    await nodes.stop(leader);
    // What it sends comes from its disk, also after a start: nothing of it is in memory.
    await nodes.stop("n3");
    await nodes.start("n3");
    await nodes.start(behind);
    await untilShown(behind, "newest");
    expect((await nodes.leader()).name).to.equal(behind);
    await put("and on");
    await untilShown(behind, "and on");
  });

  it("is what its directory says, whatever it is told later", async () => {
    await start();
    await put("v");
    await nodes.stop("n3");
    const plain = { ...nodes.option("n3"), witness: false, start: "resume", initialCluster: [] } as const;
    const resumed = await startNode(plain);
    expect((await resumed.status()).witness).to.equal(true);
    await resumed.close();
    await nodes.stop("n2");
    let failure: unknown = null;
    await startNode({ ...nodes.option("n2"), witness: true }).catch((error: unknown) => (failure = error));
    expect(exitCodeOf(failure)).to.equal(2);
    expect((failure as Error).message).to.contain("--witness");
  });

  it("shortens its log, but keeps what a member with data lacks until that one has it", async () => {
    await start({
      walSegmentBytes: "16KiB",
      checkpointEntries: "50",
      checkpointIntervalMs: "100",
      logKeepEntries: "0",
      logKeepBytes: "0",
    });
    await put("all have met");
    const segments = (): string[] =>
      readdirSync(join(nodes.option("n3").dataDir, "wal")).filter((name) => name.endsWith(".wal"));
    const away = other((await nodes.leader()).name);
    await nodes.stop(away);
    const kept = segments();
    const client = await connected((await nodes.leader()).name);
    for (let i = 0; i < 30; i += 1) {
      const writes = Array.from({ length: 10 }, (_, at) =>
        putRequest(i * 10 + at + 1, 0, KEY, Buffer.alloc(1_000, at)),
      );
      for (const reply of (await client.ask(writes)).values()) expect(reply.op).to.equal(1);
    }
    const last = (await nodes.leader()).lastIndex;
    await until("it has all, and its checkpoints went by", async () =>
      (await nodes.running.get("n3")?.status())?.appliedIndex === last ? true : null,
    );
    expect(segments().length).to.be.greaterThan(10);
    expect(segments(), "nothing went that the one that is away lacks").to.include(kept.at(-1));
    await nodes.start(away);
    await until("its log is short", async () => {
      await put("one more, so that there is a next checkpoint");
      return segments().length < 5 ? true : null;
    });
    await nodes.stop("n3");
    await nodes.start("n3");
    await put("and it starts again on what is left");
  });
});

describe("the cluster's id (R25)", () => {
  it("is made of who is a witness too: nodes that disagree on it are not of one cluster (R24)", () => {
    const member = (name: string, witness: boolean) => ({
      name,
      serverId: `${name}${name}`,
      peer: "",
      client: null,
      witness,
    });
    const data = clusterIdOf({ members: [member("n1", false), member("n2", false)], restored: null });
    expect(clusterIdOf({ members: [member("n1", false), member("n2", true)], restored: null })).not.to.equal(
      data,
    );
  });
});
