import { expect } from "chai";
import {
  getRequest,
  leaseGrantRequest,
  putRequest,
  sessionCloseRequest,
  sessionKeepAliveRequest,
  sessionOpenRequest,
  txnRequest,
} from "@raftkv/protocol";
import type { Reply, WireRequest } from "@raftkv/protocol";
import { metric } from "./support/metric.js";
import { TestNodes, until } from "./support/nodes.js";
import { RawClient } from "./support/raw-client.js";

const bytes = (text: string): Buffer => Buffer.from(text);
const TTL_MS = 600_000;

describe("sessions (F3)", () => {
  let nodes: TestNodes;
  const clients: RawClient[] = [];

  beforeEach(async () => {
    nodes = await TestNodes.create(3);
    await nodes.startAll();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await nodes.close();
  });

  async function toLeader(): Promise<RawClient> {
    const client = await RawClient.greeted(nodes.endpoint((await nodes.leader()).name));
    clients.push(client);
    return client;
  }

  async function openSession(client: RawClient, ttlMs = TTL_MS): Promise<number> {
    const opened = await client.one(sessionOpenRequest(1, 0, ttlMs));
    if (opened.op !== 11) throw new Error(`refused: ${JSON.stringify(opened)}`);
    return opened.session;
  }

  /** Asks whoever leads until it is not a matter of the leadership any more. */
  async function answered(request: WireRequest, session: number, answeredBelow: number): Promise<Reply> {
    return until("the leader answers", async () => {
      const reply = await (await toLeader()).one(request, { session, answeredBelow });
      return reply.op === 0 && (reply.code === "UNAVAILABLE" || reply.code === "NOT_LEADER") ? null : reply;
    });
  }

  it("give a retry its first answer, also over another leader, and carry nothing out again", async () => {
    const client = await toLeader();
    const session = await openSession(client);
    const write = putRequest(2, 0, bytes("k"), bytes("v"), 0, true);
    const first = await client.one(write, { session, answeredBelow: 2 });
    expect(first).to.deep.include({ op: 1, previous: null });
    await nodes.stop((await nodes.leader()).name);
    const retry = await answered(write, session, 2);
    expect(retry).to.deep.equal(first);
    const read = await answered(getRequest(9, 0, bytes("k"), true), session, 2);
    expect(read.op === 2 && read.version, "put once").to.equal(1);
  });

  it("forget answers that the client has, and say so of a retry (C1)", async () => {
    const client = await toLeader();
    const session = await openSession(client);
    const write = putRequest(2, 0, bytes("k"), bytes("v"));
    await client.one(write, { session, answeredBelow: 2 });
    await client.one(putRequest(3, 0, bytes("k"), bytes("w")), { session, answeredBelow: 3 });
    const reply = await client.one(write, { session, answeredBelow: 3 });
    expect(reply).to.deep.include({ op: 0, code: "OUTCOME_UNKNOWN", retryable: false });
  });

  it("refuse a batch until its predecessor is carried out, and take it then (F3)", async () => {
    const client = await toLeader();
    const place = { session: await openSession(client), answeredBelow: 2 };
    const put = { kind: "put", key: bytes("k"), value: bytes("2"), lease: 0, wantPrevious: false } as const;
    const second = txnRequest(3, 0, { compares: [], then: [put], else: [] }, 2);
    expect(await client.one(second, place)).to.deep.include({ op: 0, code: "OUT_OF_ORDER" });
    await client.one(putRequest(2, 0, bytes("k"), bytes("1")), place);
    expect(await client.one(second, place)).to.deep.include({ op: 5, succeeded: true });
    expect(await client.one(txnRequest(4, 0, { compares: [], then: [put], else: [] }, 3))).to.deep.include({
      op: 0,
      code: "INVALID_ARGUMENT",
    });
  });

  it("refuse a batch for good when its predecessor was, also when that is answered meanwhile (F3)", async () => {
    const client = await toLeader();
    const session = await openSession(client);
    const put = { kind: "put", key: bytes("k"), value: bytes("2"), lease: 0, wantPrevious: false } as const;
    const first = txnRequest(2, 0, { compares: [], then: [{ ...put, lease: 999_999 }], else: [] });
    const second = txnRequest(3, 0, { compares: [], then: [put], else: [] }, 2);
    const failed = { op: 0, code: "PREDECESSOR_FAILED", retryable: false };
    expect(await client.one(first, { session, answeredBelow: 2 })).to.include({ code: "LEASE_NOT_FOUND" });
    expect(await client.one(second, { session, answeredBelow: 2 })).to.deep.include(failed);
    expect(await client.one(second, { session, answeredBelow: 3 })).to.deep.include(failed);
  });

  it("end when they are closed, and when nobody keeps them alive; what comes then is not carried out", async () => {
    const client = await toLeader();
    const endpoint = nodes.endpoint((await nodes.leader()).name);
    const closed = await openSession(client);
    const place = { session: closed, answeredBelow: 2 };
    expect(await client.one(sessionKeepAliveRequest(2, 0), place)).to.deep.include({ op: 13, ttlMs: TTL_MS });
    expect(await metric(endpoint, "raftkv_sessions")).to.equal(1);
    expect(await client.one(sessionCloseRequest(3, 0), place)).to.deep.include({ op: 12 });
    const expired = { op: 0, code: "SESSION_EXPIRED", retryable: true };
    expect(await client.one(putRequest(4, 0, bytes("k"), bytes("v")), place)).to.deep.include(expired);
    const short = await openSession(client, 100);
    await until("it expires", async () => ((await metric(endpoint, "raftkv_sessions")) === 0 ? true : null));
    const late = await client.one(leaseGrantRequest(5, 0, 1_000), { session: short, answeredBelow: 2 });
    expect(late).to.deep.include(expired);
    expect(await client.one(sessionCloseRequest(6, 0))).to.deep.include({ code: "INVALID_ARGUMENT" });
    expect(await metric(endpoint, "raftkv_leases")).to.equal(0);
  });

  it("outlive a change of leader: nobody could keep them alive without one (F5)", async () => {
    const ttlMs = 1_500;
    const client = await toLeader();
    const session = await openSession(client, ttlMs);
    await nodes.stop((await nodes.leader()).name);
    const reply = await answered(sessionKeepAliveRequest(2, 0), session, 2);
    expect(reply).to.deep.include({ op: 13, ttlMs });
  });
});
