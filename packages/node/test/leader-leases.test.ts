import { expect } from "chai";
import { LOG_FORMAT } from "@raftkv/fsm";
import {
  Op,
  getRequest,
  leaderLeasesSetRequest,
  leaderLeasesShowRequest,
  putRequest,
} from "@raftkv/protocol";
import type { LeaderLeases, Reply, WireRequest } from "@raftkv/protocol";
import { metric } from "./support/metric.js";
import { TestNodes, until as untilWithin } from "./support/nodes.js";
import { RawClient } from "./support/raw-client.js";

const KEY = Buffer.from("k");
const SETTINGS = { electionTimeoutMs: 500, marginPercent: 20 };

/** Elections with leases take their time, on a busy machine more. */
const until = <T>(what: string, look: () => Promise<T | null> | T | null): Promise<T> =>
  untilWithin(what, look, 60_000);

describe("leader leases in the nodes (R19)", function () {
  this.timeout(180_000);
  let nodes: TestNodes;
  let lastId = 0;

  beforeEach(() => (lastId = 0));
  afterEach(() => nodes.close());

  async function askLeader(request: (id: number) => WireRequest): Promise<Reply> {
    // Whoever leads may change between the question who does, and this one.
    return until("the leader answers", async () => {
      const client = await RawClient.greeted(nodes.endpoint((await nodes.leader()).name));
      lastId += 1;
      const reply = await client.one(request(lastId));
      client.close();
      return reply.op === 0 && reply.retryable ? null : reply;
    });
  }

  async function setLeases(marginPercent: number | null): Promise<Reply> {
    return askLeader((id) => leaderLeasesSetRequest(id, 0, marginPercent));
  }

  async function leases(): Promise<LeaderLeases> {
    const reply = await askLeader((id) => leaderLeasesShowRequest(id, 0));
    if (reply.op !== Op.leaderLeasesShow) throw new Error(JSON.stringify(reply));
    return reply.leases;
  }

  async function leaseBegins(): Promise<void> {
    await until("the leader has a lease", async () => ((await leases()).remainingMs > 0 ? true : null));
  }

  const get = (): Promise<Reply> => askLeader((id) => getRequest(id, 0, KEY, true, 0));
  const put = (value: string): Promise<Reply> =>
    askLeader((id) => putRequest(id, 0, KEY, Buffer.from(value), 0, false));

  async function leaseReads(): Promise<number> {
    return metric(nodes.endpoint((await nodes.leader()).name), "raftkv_lease_reads_total");
  }

  it("are off at first; switched on, the leader answers reads that nobody confirms; switched off, a majority does", async () => {
    nodes = await TestNodes.create(3);
    await nodes.startAll();
    await put("1");
    expect(await leases()).to.deep.equal({ settings: null, remainingMs: 0 });
    await get();
    expect(await leaseReads()).to.equal(0);

    const on = await setLeases(20);
    expect(on).to.deep.include({ op: Op.leaderLeasesSet });
    // A machine that stands still for half a second ends a lease: then there is another one soon.
    await until("the lease grants a read", async () => {
      const before = await leaseReads();
      expect(await get()).to.deep.include({ op: Op.get, value: Buffer.from("1") });
      return (await leaseReads()) === before + 1 ? true : null;
    });
    expect((await leases()).settings).to.deep.equal(SETTINGS);
    const leader = await nodes.leader();
    expect(leader.leaderLeases).to.deep.equal(SETTINGS);
    expect(leader.leaseRemainingMs).to.be.within(0, 400);
    expect(await metric(nodes.endpoint(leader.name), "raftkv_leader_lease_seconds")).to.be.within(0, 0.4);
    const others = (await nodes.statuses()).filter(({ role }) => role !== "leader");
    for (const { leaseRemainingMs } of others) expect(leaseRemainingMs).to.equal(0);

    expect(await setLeases(null)).to.deep.include({ leases: { settings: null, remainingMs: 0 } });
    const off = await leaseReads();
    await get();
    expect(await leaseReads()).to.equal(off);
  });

  it("a read by a lease needs no other node: it is answered while those are stopped, until the lease ends", async () => {
    nodes = await TestNodes.create(3, { electionTimeoutMs: "2000" });
    await nodes.startAll();
    await put("1");
    await setLeases(10);
    await leaseBegins();
    const { name } = await nodes.leader();
    const client = await RawClient.greeted(nodes.endpoint(name));
    for (const other of ["n1", "n2", "n3"]) {
      if (other !== name) await nodes.running.get(other)?.kill();
    }
    // The lease may have ended by now on a slow machine; that such reads are then refused, and not stale, is all the same to this.
    const granted = await metric(nodes.endpoint(name), "raftkv_lease_reads_total");
    const reply = await client.one(getRequest(1, 0, KEY, true, 0));
    if (reply.op === Op.get) {
      expect(reply.value?.toString()).to.equal("1");
      expect(await metric(nodes.endpoint(name), "raftkv_lease_reads_total")).to.equal(granted + 1);
    }
    const refusal = await until("the lease has ended", async () => {
      lastId += 1;
      const now = await client.one(getRequest(1_000 + lastId, 0, KEY, true, 0));
      return now.op === 0 ? now : null;
    });
    expect(refusal.code).to.equal("UNAVAILABLE");
    client.close();
  });

  it("stand in the log: restarts, compactions and snapshots keep them (R8, R21)", async () => {
    nodes = await TestNodes.create(3, {
      walSegmentBytes: "64KiB",
      checkpointEntries: "50",
      logKeepEntries: "10",
    });
    await nodes.startAll();
    await put("1");
    await setLeases(20);
    const { name } = await nodes.leader();
    const away = name === "n3" ? "n2" : "n3";
    await nodes.stop(away);
    const client = await RawClient.greeted(nodes.endpoint(name));
    const first = async (node: string): Promise<number> =>
      metric(nodes.endpoint(node), "raftkv_raft_first_index");
    const last = (await nodes.leader()).lastIndex;
    const value = Buffer.alloc(1_000);
    await until("the log begins behind the change", async () => {
      lastId += 1;
      await client.one(putRequest(10_000 + lastId, 0, KEY, value, 0, false));
      return (await first(name)) > last ? true : null;
    });
    client.close();
    await nodes.start(away);
    await until("the one that was away got a snapshot", async () =>
      (await metric(nodes.endpoint(away), "raftkv_snapshots_received_total")) > 0 ? true : null,
    );
    const installed = await until("it knows of the leases", async () => {
      const status = await nodes.running.get(away)?.status();
      return status?.leaderLeases ?? null;
    });
    expect(installed).to.deep.equal(SETTINGS);
    for (const node of ["n1", "n2", "n3"]) await nodes.stop(node);
    await nodes.startAll();
    await leaseBegins();
    for (const { leaderLeases } of await nodes.statuses()) expect(leaderLeases).to.deep.equal(SETTINGS);
  });

  it("are refused while a member is of an older version, which would forget what it promised, and with too large a margin", async () => {
    nodes = await TestNodes.create(3);
    nodes.parts.set("n2", { logFormat: LOG_FORMAT - 1 });
    await nodes.startAll();
    await put("1");
    const refused = await setLeases(20);
    expect(refused).to.include({ op: 0, code: "LEASES_REFUSED" });
    expect(refused).to.have.property("message").that.includes("one understands formats up to 2");
    expect(await setLeases(null), "off they are").to.include({ op: Op.leaderLeasesSet });
    await nodes.stop("n2");
    nodes.parts.delete("n2");
    await nodes.start("n2");
    expect(await setLeases(20)).to.include({ op: Op.leaderLeasesSet });
    await leaseBegins();
    expect(await setLeases(90)).to.include({
      code: "LEASES_REFUSED",
      message:
        "with a margin of 90 % a lease ends 50 ms after a heartbeat, and the next one comes after 50 ms: take a smaller margin, or a longer election timeout",
    });
    expect(await setLeases(91)).to.include({ op: 0, code: "INVALID_ARGUMENT" });
    expect((await leases()).settings).to.deep.equal(SETTINGS);
  });

  it("a transfer ends the lease at once; the next leader has one of its own", async () => {
    nodes = await TestNodes.create(3);
    await nodes.startAll();
    await put("1");
    await setLeases(20);
    await leaseBegins();
    const before = await nodes.leader();
    await askLeader((id) => [id, Op.leaderTransfer, 0, null]);
    await until("another leads", async () => ((await nodes.leader()).term > before.term ? true : null));
    await leaseBegins();
    await put("2");
    expect(await get()).to.deep.include({ value: Buffer.from("2") });
  });
});
