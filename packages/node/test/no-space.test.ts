import { expect } from "chai";
import { getRequest, putRequest } from "@raftkv/protocol";
import type { Reply } from "@raftkv/protocol";
import { metric } from "./support/metric.js";
import { TestNodes, until } from "./support/nodes.js";
import { RawClient } from "./support/raw-client.js";
import { SmallDisk } from "./support/small-disk.js";

const MIB = 1024 * 1024;
const put = (id: number, key: string, deadlineMs = 1_000) =>
  putRequest(id, deadlineMs, Buffer.from(key), Buffer.from("v"));

describe("a node alone whose disk is full (W12)", () => {
  let nodes: TestNodes;

  afterEach(() => nodes.close());

  it("refuses writes with NO_SPACE, answers reads, says so, and takes writes again by itself", async () => {
    nodes = await TestNodes.create(1, { walSegmentBytes: "64KiB", spaceCheckMs: "10" });
    const disk = new SmallDisk(100 * MIB);
    nodes.parts.set("n1", { statfs: disk.statfs });
    await nodes.startAll();
    await nodes.leader();
    const client = await RawClient.greeted(nodes.endpoint("n1"));
    expect((await client.ask([put(1, "a")])).get(1)?.op).to.equal(1);
    disk.freeBytes = 49 * MIB;
    const metricIs = (value: number): Promise<true> =>
      until(`raftkv_disk_full is ${value}`, async () =>
        (await metric(nodes.endpoint("n1"), "raftkv_disk_full")) === value ? true : null,
      );
    await metricIs(1);
    const refused = (await client.ask([put(2, "b")])).get(2);
    expect(refused).to.deep.include({ op: 0, code: "NO_SPACE", retryable: true });
    expect(refused?.op === 0 && refused.message).to.contain(String(49 * MIB));
    expect(refused?.op === 0 && refused.retryAfterMs).to.be.greaterThan(0);
    for (const linearizable of [true, false]) {
      const read = (await client.ask([getRequest(3, 0, Buffer.from("a"), linearizable)])).get(3);
      expect(read?.op === 2 && read.value?.toString()).to.equal("v");
    }
    disk.freeBytes = 90 * MIB;
    await metricIs(0);
    expect((await client.ask([put(4, "b")])).get(4)).to.deep.include({ op: 1, revision: 3 });
    client.close();
  });
});

describe("a cluster whose disks are full (W12)", () => {
  let nodes: TestNodes;
  const disks = new Map<string, SmallDisk>();
  const clients: RawClient[] = [];

  beforeEach(async () => {
    nodes = await TestNodes.create(3, { walSegmentBytes: "64KiB", spaceCheckMs: "10" });
    for (const { name } of nodes.options) {
      const disk = new SmallDisk(100 * MIB);
      disks.set(name, disk);
      nodes.parts.set(name, { statfs: disk.statfs });
    }
    await nodes.startAll();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await nodes.close();
  });

  const names = (): string[] => nodes.options.map(({ name }) => name);

  async function connected(name: string): Promise<RawClient> {
    const client = await RawClient.greeted(nodes.endpoint(name));
    clients.push(client);
    return client;
  }

  async function ask(client: RawClient, request: ReturnType<typeof put>): Promise<Reply> {
    return (await client.ask([request])).get(request[0]) as Reply;
  }

  /** Waits until the node itself says so. */
  async function setFree(which: readonly string[], freeMib: number, full: boolean): Promise<void> {
    for (const name of which) (disks.get(name) as SmallDisk).freeBytes = freeMib * MIB;
    await until(`${which.join()} know`, async () => {
      const all = await nodes.statuses();
      return all.every((one) => !which.includes(one.name) || one.diskFull === full) ? true : null;
    });
  }

  it("a leader without room refuses with NO_SPACE and hands over; the new one takes the write", async () => {
    const leader = (await nodes.leader()).name;
    const client = await connected(leader);
    expect((await ask(client, put(1, "a"))).op).to.equal(1);
    await setFree([leader], 40, true);
    const refused = await ask(client, put(2, "b"));
    expect(refused.op === 0 && refused.code).to.be.oneOf(["NO_SPACE", "NOT_LEADER", "UNAVAILABLE"]);
    const next = await until("another leads", async () => {
      const found = await nodes.leader();
      return found.name === leader ? null : found;
    });
    expect((await ask(await connected(next.name), put(1, "b"))).op).to.equal(1);
    // The old leader has 40 MiB: below a leader's mark, above a follower's.
    await until("it follows, and has the write", async () => {
      const own = await nodes.running.get(leader)?.status();
      return own?.role === "follower" && own.revision === 3 ? true : null;
    });
  });

  it("followers without room acknowledge nothing: nothing is committed, reads go on, and both resume by themselves", async () => {
    const leader = (await nodes.leader()).name;
    const followers = names().filter((name) => name !== leader);
    const client = await connected(leader);
    await setFree(followers, 10, true);
    expect(await ask(client, put(1, "a", 300))).to.deep.include({ op: 0, code: "OUTCOME_UNKNOWN" });
    const read = (await client.ask([getRequest(2, 0, Buffer.from("a"), true)])).get(2);
    expect(read).to.deep.include({ op: 2, value: null, revision: 1 });
    await setFree(followers.slice(0, 1), 90, false);
    await until("the write that waited is committed", async () => {
      const own = await nodes.running.get(leader)?.status();
      return own?.revision === 2 ? true : null;
    });
    expect((await ask(client, put(3, "b"))).op).to.equal(1);
    await setFree(followers, 90, false);
    await until("the other one has caught up", async () => {
      const all = await nodes.statuses();
      return all.every((one) => one.revision === 3) ? true : null;
    });
    expect((await nodes.leader()).name, "nobody had to be elected").to.equal(leader);
  });

  it("with every disk full nothing is written, linearizable reads go on, and writes come back with the room", async () => {
    const leader = (await nodes.leader()).name;
    expect((await ask(await connected(leader), put(1, "a"))).op).to.equal(1);
    await setFree(names(), 10, true);
    for (const name of names()) {
      const client = await connected(name);
      const reply = await ask(client, put(1, "b"));
      expect(reply.op === 0 && reply.code).to.be.oneOf(["NO_SPACE", "NOT_LEADER", "UNAVAILABLE"]);
      await until(`a read through ${name}`, async () => {
        const read = (await client.ask([getRequest(2, 500, Buffer.from("a"), true)])).get(2);
        return read?.op === 2 && read.value !== null ? true : null;
      });
    }
    expect((await nodes.statuses()).map((one) => one.revision)).to.deep.equal([2, 2, 2]);
    await setFree(names(), 90, false);
    await until("a write is taken", async () => {
      const client = await connected((await nodes.leader()).name);
      return (await ask(client, put(3, "b"))).op === 1 ? true : null;
    });
  });
});
