import { Op } from "@raftkv/protocol";
import { expect } from "chai";
import { fakeCluster } from "./support/fake-cluster.js";
import { refusal } from "./support/fake-node.js";
import { cleanUp, failure, until } from "./support/help.js";

/** Operations in the order in which they came, without those that keep things alive. */
function ops(requests: readonly { readonly op: number }[]): number[] {
  return requests.map(({ op }) => op);
}

describe("sessions (F3)", () => {
  afterEach(cleanUp);

  it("the first write opens one; reads need none", async () => {
    const { leader, connect } = await fakeCluster();
    const client = await connect();
    await client.get("k");
    expect(ops(leader.requests)).to.deep.equal([Op.get]);
    await Promise.all([client.put("a", "1"), client.put("b", "2"), client.delete("c")]);
    await client.put("k", "v");
    expect(ops(leader.requests)).to.deep.equal([Op.get, Op.sessionOpen, Op.put, Op.put, Op.delete, Op.put]);
    const sessions = leader.frames.map(({ session }) => session?.session ?? null);
    expect(sessions).to.deep.equal([null, null, 101, 101]);
  });

  it("a write whose answer was lost is sent again, and carried out once", async () => {
    const { leader, state, connect } = await fakeCluster();
    const client = await connect();
    await client.put("k", "0");
    const serve = state.script();
    leader.script = (request, node, origin) => {
      const reply = serve(request, node, origin);
      if (request.op !== Op.put) return reply;
      leader.script = serve;
      node.cut();
      return null;
    };
    expect(await client.put("k", "1")).to.deep.equal({ revision: 2 });
    expect(state.revision).to.equal(2);
    const [, first, second] = leader.requests.filter(({ op }) => op === Op.put);
    expect(second?.requestId).to.equal(first?.requestId);
  });

  it("also at the next leader", async () => {
    const { nodes, leader, state, connect } = await fakeCluster(3);
    const client = await connect();
    await client.put("k", "0");
    const serve = state.script();
    leader.script = (request, node, origin) => {
      const reply = serve(request, node, origin);
      if (request.op !== Op.put) return reply;
      const [, next, other] = nodes;
      state.lead(next!, other!);
      void node.stop();
      return null;
    };
    expect(await client.put("k", "1")).to.deep.equal({ revision: 2 });
    expect(state.revision).to.equal(2);
  });

  it("a leader that is frozen is left as soon as another node tells of the next one", async () => {
    const { nodes, leader, state, connect } = await fakeCluster(3);
    const client = await connect({ silenceTimeoutMs: 60_000 });
    await client.put("k", "0");
    const [, next, other] = nodes;
    await until("a second node is connected", () => next!.connected + other!.connected > 0);
    leader.freeze();
    const put = client.put("k", "1");
    const get = client.get("k");
    await new Promise((resolve) => setImmediate(resolve));
    state.lead(next!, other!);
    expect(await put).to.deep.equal({ revision: 2 });
    await get;
  });

  it("without sessions the write at the frozen leader is not sent again (C1)", async () => {
    const { nodes, leader, state, connect } = await fakeCluster(3);
    const client = await connect({ silenceTimeoutMs: 400, sessions: false });
    await client.put("k", "0");
    const [, next, other] = nodes;
    await until("a second node is connected", () => next!.connected + other!.connected > 0);
    leader.freeze();
    const put = failure(client.put("k", "1"), "OUTCOME_UNKNOWN");
    await new Promise((resolve) => setImmediate(resolve));
    state.lead(next!, other!);
    await client.put("other", "1");
    await put;
  });

  it("OUTCOME_UNKNOWN from a node is asked again, until there is an answer", async () => {
    const { leader, state, connect } = await fakeCluster();
    const client = await connect();
    const serve = state.script();
    let unknown = 2;
    leader.script = (request, node, origin) => {
      const reply = serve(request, node, origin);
      if (request.op !== Op.put || unknown === 0) return reply;
      unknown -= 1;
      return refusal(request, "OUTCOME_UNKNOWN", { retryable: false });
    };
    expect(await client.put("k", "1")).to.deep.equal({ revision: 1 });
    expect(state.done.length).to.equal(1);
  });

  it("a deadline that passes while a lost answer is sought: OUTCOME_UNKNOWN, whatever the node refuses with", async () => {
    const { leader, state, connect } = await fakeCluster();
    const client = await connect();
    await client.put("k", "0");
    const serve = state.script();
    leader.script = (request, node, origin) => {
      if (request.op !== Op.put) return serve(request, node, origin);
      leader.script = (again) => refusal(again, "OVERLOADED", { retryAfterMs: 10_000 });
      node.cut();
      return null;
    };
    const error = await failure(client.put("k", "1", { timeoutMs: 400 }), "OUTCOME_UNKNOWN");
    expect(error.cause).to.include({ code: "OVERLOADED" });
  });

  it("expired, and the only copy was refused: it did nothing, and goes out in another session", async () => {
    const { leader, state, connect } = await fakeCluster();
    const client = await connect();
    await client.put("k", "0");
    state.expireSessions();
    const puts = await Promise.all([client.put("k", "1"), client.put("k", "2"), client.put("k", "3")]);
    expect(puts.map(({ revision }) => revision)).to.deep.equal([2, 3, 4]);
    expect(leader.requests.filter(({ op }) => op === Op.sessionOpen).length).to.equal(2);
    const numbers = leader.requests.filter(({ op }) => op === Op.put).map(({ requestId }) => requestId);
    expect(new Set(numbers).size, "no number is used in two sessions").to.equal(7);
  });

  it("expired, and an answer was lost before: OUTCOME_UNKNOWN, and it is not sent in another", async () => {
    const { leader, state, connect } = await fakeCluster();
    const client = await connect();
    await client.put("k", "0");
    const serve = state.script();
    leader.script = (request, node, origin) => {
      if (request.op !== Op.put) return serve(request, node, origin);
      leader.script = serve;
      state.expireSessions();
      node.cut();
      return null;
    };
    const error = await failure(client.put("k", "1"), "OUTCOME_UNKNOWN");
    expect(error.cause).to.include({ code: "SESSION_EXPIRED" });
    expect(state.revision).to.equal(1);
    await client.put("k", "2");
    expect(state.revision).to.equal(2);
  });

  it("says which answers it has, and never claims one that is still to come", async () => {
    const { leader, state, connect } = await fakeCluster();
    const client = await connect();
    await client.put("k", "0");
    const serve = state.script();
    leader.script = (request, node, origin) => {
      const slow = request.op === Op.put && Buffer.from(request.key).toString() === "slow";
      return slow ? null : serve(request, node, origin);
    };
    const slow = client.put("slow", "1");
    for (let i = 0; i < 5; i += 1) await client.put("k", String(i));
    const number = leader.requests.find(({ op, ...r }) => op === Op.put && "key" in r && r.key.length === 4);
    const claimed = leader.frames.map(({ session }) => session?.answeredBelow ?? 0);
    expect(Math.max(...claimed)).to.equal(number?.requestId);
    leader.script = serve;
    leader.cut();
    await slow;
    await client.put("k", "last");
    expect(leader.frames.at(-1)?.session?.answeredBelow).to.be.greaterThan(number!.requestId);
  });

  it("is kept alive while nothing is written, and left when the client closes", async () => {
    const { leader, state, connect } = await fakeCluster();
    const client = await connect({ sessionTtlMs: 100 });
    await client.put("k", "0");
    await until("it is kept alive", () => leader.requests.some(({ op }) => op === Op.sessionKeepAlive));
    expect(state.sessions.size).to.equal(1);
    await client.close();
    await until("it is gone", () => state.sessions.size === 0);
  });

  it("that cannot be opened fails the write with what the node said", async () => {
    const { leader, connect } = await fakeCluster();
    const client = await connect();
    leader.script = (request) => refusal(request, "INVALID_ARGUMENT", { retryable: false });
    await failure(client.put("k", "v"), "INVALID_ARGUMENT");
    leader.script = (request) => refusal(request, "NO_SPACE", { retryAfterMs: 10_000 });
    await failure(client.put("k", "v", { timeoutMs: 50 }), "NO_SPACE");
  });

  it("50,000 writes at once stay within what the cluster remembers", async () => {
    const { leader, connect } = await fakeCluster();
    const client = await connect({ timeoutMs: 15_000 });
    await Promise.all(Array.from({ length: 50_000 }, (_, i) => client.put(`k${i}`, "")));
    for (const { session, requests } of leader.frames) {
      if (session === null) continue;
      const highest = Math.max(...requests.map(({ requestId }) => requestId));
      expect(highest - session.answeredBelow).to.be.below(16_384);
    }
  });
});
