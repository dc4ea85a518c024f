import { expect } from "chai";
import { putRequest } from "@raftkv/protocol";
import type { Reply } from "@raftkv/protocol";
import { GatedDisk } from "./support/gated-disk.js";
import { metric } from "./support/metric.js";
import { TestNodes, until } from "./support/nodes.js";
import { RawClient } from "./support/raw-client.js";

const VALUE = Buffer.alloc(40_000, "v");
const put = (id: number, deadlineMs: number) => putRequest(id, deadlineMs, Buffer.from("k"), VALUE);

describe("admission of writes by bytes (C2)", () => {
  let nodes: TestNodes;
  let leader: string;
  const disks = new Map<string, GatedDisk>();
  const clients: RawClient[] = [];

  beforeEach(async () => {
    // Room for one write of these, not for two.
    nodes = await TestNodes.create(3, {
      appendInflightBytes: "1",
      maxKeyBytes: "16",
      maxValueBytes: "48KiB",
      maxFrameBytes: "64KiB",
    });
    for (const { name } of nodes.options) {
      const disk = new GatedDisk();
      disks.set(name, disk);
      nodes.parts.set(name, { fileSystem: disk.fileSystem });
    }
    await nodes.startAll();
    leader = (await nodes.leader()).name;
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    releaseFollowers();
    await nodes.close();
  });

  const followers = (): string[] => nodes.options.map(({ name }) => name).filter((name) => name !== leader);

  function releaseFollowers(): void {
    for (const disk of disks.values()) disk.release();
  }

  async function connected(): Promise<RawClient> {
    const client = await RawClient.greeted(nodes.endpoint(leader));
    clients.push(client);
    return client;
  }

  const gauge = (name: string): Promise<number> => metric(nodes.endpoint(leader), `raftkv_append_${name}`);
  const untilGauge = (name: string, value: number): Promise<true> =>
    until(`${name} is ${value}`, async () => ((await gauge(name)) === value ? true : null));

  /** A write that fills the budget and cannot be committed: the followers hear the leader, and sync nothing. */
  async function fill(): Promise<{ readonly answer: Promise<Reply | undefined> }> {
    for (const name of followers()) (disks.get(name) as GatedDisk).holding = true;
    const answer = (await connected()).ask([put(1, 60_000)]).then(
      (replies) => replies.get(1),
      () => undefined,
    );
    await until("it is in flight", async () => ((await gauge("inflight_bytes")) > 40_000 ? true : null));
    return { answer };
  }

  it("raises a budget that is too small to the largest write, and all who wait come through in turn", async () => {
    expect(await gauge("inflight_bytes_limit")).to.be.within(65_536, 65_800);
    const small = (id: number) => putRequest(id, 0, Buffer.from("k"), VALUE.subarray(0, 300));
    const replies = await (await connected()).ask(Array.from({ length: 200 }, (_, i) => small(i + 1)));
    const revisions = [...replies]
      .sort(([a], [b]) => a - b)
      .map(([, reply]) => reply.op === 1 && reply.revision);
    expect(revisions, "first come first served").to.deep.equal(Array.from({ length: 200 }, (_, i) => i + 2));
    expect([await gauge("inflight_bytes"), await gauge("waiting")]).to.deep.equal([0, 0]);
  });

  it("refuses who waited until its deadline with OVERLOADED and a time to come again; what is in flight stays", async () => {
    const { answer } = await fill();
    const reply = (await (await connected()).ask([put(2, 200)])).get(2);
    expect(reply).to.deep.include({ op: 0, code: "OVERLOADED", retryable: true });
    expect(reply?.op === 0 && reply.retryAfterMs).to.be.greaterThan(0);
    expect(await gauge("waiting")).to.equal(0);
    expect(await gauge("inflight_bytes")).to.be.greaterThan(40_000);
    releaseFollowers();
    expect(await answer).to.deep.include({ op: 1, revision: 2 });
    await untilGauge("inflight_bytes", 0);
  });

  it("drops what a client that is gone had waiting, and carries none of it out", async () => {
    const { answer } = await fill();
    const leaves = await connected();
    const abandoned = Promise.all([2, 3].map((id) => leaves.ask([put(id, 60_000)]))).catch(() => "cut");
    await untilGauge("waiting", 2);
    leaves.close();
    await untilGauge("waiting", 0);
    expect(await abandoned).to.equal("cut");
    expect((await nodes.leader()).name, "for no other reason").to.equal(leader);
    releaseFollowers();
    expect(await answer).to.deep.include({ op: 1, revision: 2 });
    expect((await (await connected()).ask([put(4, 0)])).get(4)).to.deep.include({ op: 1, revision: 3 });
  });

  it("keeps the permit of a client that is gone until its write is decided: the bytes are still in flight", async () => {
    await fill();
    for (const client of clients.splice(0)) client.close();
    const reply = (await (await connected()).ask([put(2, 200)])).get(2);
    expect(reply).to.deep.include({ op: 0, code: "OVERLOADED" });
    releaseFollowers();
    await untilGauge("inflight_bytes", 0);
  });

  it("a leader that steps down lets nobody wait for what is in flight, and has every permit back (C1)", async () => {
    const { answer } = await fill();
    const waits = (await connected()).ask([put(2, 60_000)]);
    await untilGauge("waiting", 1);
    // The followers end without having acknowledged anything.
    for (const name of followers())
      (disks.get(name) as GatedDisk).failure = new Error("EIO: i/o error, fdatasync");
    releaseFollowers();
    expect((await waits).get(2)).to.deep.include({ op: 0, code: "UNAVAILABLE" });
    expect(await gauge("inflight_bytes"), "the first one still hopes").to.be.greaterThan(40_000);
    await nodes.stop(leader);
    expect(await answer).to.deep.include({ op: 0, code: "OUTCOME_UNKNOWN" });
  });
});
