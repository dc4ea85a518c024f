import { Op } from "@raftkv/protocol";
import type { TxnRequest } from "@raftkv/protocol";
import { put } from "@raftkv/client";
import { expect } from "chai";
import { fakeCluster } from "./support/fake-cluster.js";
import type { FakeCluster } from "./support/fake-cluster.js";
import { refusal } from "./support/fake-node.js";
import type { Script } from "./support/fake-node.js";
import { cleanUp, failure, until } from "./support/help.js";

const isTxn = (request: { readonly op: number }): request is TxnRequest => request.op === Op.txn;

/** Answers of transactions are held back until `release`. */
function holding({ state, leader }: FakeCluster): { held: () => number; release: (count?: number) => void } {
  const serve = state.script();
  let held: (() => void)[] = [];
  const script: Script = (request, node, origin) => {
    const reply = serve(request, node, origin);
    if (!isTxn(request) || reply === null) return reply;
    held.push(() => node.sendReplies([reply]));
    return null;
  };
  leader.script = script;
  return {
    held: () => held.length,
    release: (count = held.length) => {
      const now = held.slice(0, count);
      held = held.slice(count);
      for (const answer of now) answer();
    },
  };
}

describe("appender", () => {
  afterEach(cleanUp);

  it("batches are carried out in order, each at one revision, and callbacks run in that order (C3)", async () => {
    const { state, connect } = await fakeCluster();
    const client = await connect();
    const appender = client.appender({ pipelineSize: 8 });
    const told: number[] = [];
    for (let i = 0; i < 50; i += 1) {
      await appender.append([put("a", String(i)), put(`b${i}`, "x")], (result, error) => {
        expect(error).to.equal(null);
        told.push(result!.revision);
      });
    }
    await appender.flush();
    expect(told).to.deep.equal(Array.from({ length: 50 }, (_, i) => i + 1));
    expect(state.history.filter(({ key }) => key.length === 1).length).to.equal(50);
    await appender.close();
  });

  it("each batch names the one before it", async () => {
    const { leader, connect } = await fakeCluster();
    const client = await connect();
    const appender = client.appender({ pipelineSize: 4 });
    await Promise.all(Array.from({ length: 6 }, () => appender.append([put("a", "1")])));
    const batches = leader.requests.filter(isTxn);
    expect(batches[0]?.predecessor).to.equal(0);
    for (let i = 1; i < batches.length; i += 1) {
      expect(batches[i]?.predecessor).to.equal(batches[i - 1]?.requestId);
    }
  });

  for (const [given, size] of [
    [undefined, 2],
    [0, 1],
    [-5, 1],
    [1, 1],
    [3.9, 3],
    [16, 16],
    [99, 16],
    [Number.NaN, 1],
  ] as const) {
    it(`pipelineSize ${given} is ${size}`, async () => {
      const cluster = await fakeCluster();
      const client = await cluster.connect();
      const appender = client.appender(given === undefined ? {} : { pipelineSize: given });
      expect(appender.pipelineSize).to.equal(size);
      const hold = holding(cluster);
      const appended = Array.from({ length: size + 3 }, () => appender.append([put("a", "1")]));
      await until("the pipeline is full", () => hold.held() === size);
      await client.get("k"); // a round trip, in which more would have come
      expect(hold.held()).to.equal(size);
      for (let left = size + 3; left > 0;) {
        left -= hold.held();
        hold.release();
        await client.get("k"); // the next ones come in the meantime
      }
      await Promise.all(appended);
    });
  }

  it("close before the first append: everything fails with CLOSED", async () => {
    const { connect } = await fakeCluster();
    const appender = (await connect()).appender();
    await appender.close();
    await failure(appender.append([put("a", "1")]), "CLOSED");
    let called = false;
    const withCallback = appender.append([put("a", "1")], () => {
      called = true;
    });
    await failure(withCallback, "CLOSED");
    expect(called).to.equal(false);
    await appender.flush();
    await appender.close();
  });

  it("close after appends waits for their answers and their callbacks (C4)", async () => {
    const cluster = await fakeCluster();
    const client = await cluster.connect();
    const appender = client.appender();
    const hold = holding(cluster);
    const told: string[] = [];
    for (const name of ["a", "b"]) {
      await appender.append([put(name, "1")], async () => {
        await new Promise((resolve) => setImmediate(resolve));
        told.push(name);
      });
    }
    await until("both are under way", () => hold.held() === 2);
    const closing = appender.close().then(() => told.push("closed"));
    await failure(appender.append([put("c", "1")]), "CLOSED");
    hold.release();
    await closing;
    expect(told).to.deep.equal(["a", "b", "closed"]);
  });

  it("close while appends wait for room: those fail with CLOSED and were not sent", async () => {
    const cluster = await fakeCluster();
    const client = await cluster.connect();
    const appender = client.appender({ pipelineSize: 1 });
    const hold = holding(cluster);
    const first = appender.append([put("a", "1")]);
    await until("it is under way", () => hold.held() === 1);
    const waiting = [failure(appender.append([put("b", "1")]), "CLOSED")];
    waiting.push(
      failure(
        appender.append([put("c", "1")], () => {}),
        "CLOSED",
      ),
    );
    const closing = appender.close();
    await Promise.all(waiting);
    hold.release();
    await first;
    await closing;
    expect(cluster.state.revision).to.equal(1);
  });

  it("flush and close end with TIMEOUT or the signal's reason when their time is over; the batches go on (C4)", async () => {
    const cluster = await fakeCluster();
    const client = await cluster.connect();
    const hold = holding(cluster);
    const appender = client.appender();
    const appended = appender.append([put("a", "1")]);
    await until("it is under way", () => hold.held() === 1);
    await failure(appender.flush({ timeoutMs: 20 }), "TIMEOUT");
    const controller = new AbortController();
    const reason = new Error("enough");
    const flushing = appender.flush({ signal: controller.signal }).catch((error: unknown) => error);
    controller.abort(reason);
    expect(await flushing).to.equal(reason);
    await failure(appender.close({ timeoutMs: 20 }), "TIMEOUT");
    await failure(appender.append([put("b", "1")]), "CLOSED");
    hold.release();
    expect(await appended).to.include({ revision: 1 });
    await appender.close();
  });

  it("close and flush inside a callback do not wait for it", async () => {
    const { connect } = await fakeCluster();
    const client = await connect();
    const appender = client.appender({ pipelineSize: 3 });
    const told: string[] = [];
    await appender.append([put("a", "1")], async () => {
      await appender.flush();
      told.push("flushed");
      await appender.close();
      told.push("closed");
    });
    await appender.append([put("b", "1")], () => told.push("b"));
    await until("all was told", () => told.length === 3);
    expect(told).to.deep.equal(["flushed", "closed", "b"]);
    await failure(appender.append([put("c", "1")]), "CLOSED");
  });

  it("append inside a callback with a full pipeline does not deadlock (C3)", async () => {
    const cluster = await fakeCluster();
    const client = await cluster.connect();
    const appender = client.appender({ pipelineSize: 1 });
    const told: string[] = [];
    const first = appender.append([put("a", "1")], async () => {
      await appender.append([put("inner 1", "1")], () => told.push("inner 1"));
      await appender.append([put("inner 2", "1")], () => told.push("inner 2"));
      told.push("a");
    });
    const others = ["b", "c", "d"].map((name) => appender.append([put(name, "1")], () => told.push(name)));
    await first;
    await Promise.all(others);
    await appender.flush();
    expect(told[0]).to.equal("a");
    expect(told).to.have.members(["a", "b", "c", "d", "inner 1", "inner 2"]);
    expect(cluster.state.revision).to.equal(6);
  });

  it("several callers share the pipeline; each one's order holds", async () => {
    const { state, connect } = await fakeCluster();
    const client = await connect();
    const appender = client.appender({ pipelineSize: 4 });
    const caller = async (name: string): Promise<void> => {
      for (let i = 0; i < 20; i += 1) await appender.append([put(name, String(i))], () => {});
    };
    await Promise.all(["a", "b", "c", "d", "e"].map(caller));
    await appender.flush();
    for (const name of ["a", "b", "c", "d", "e"]) {
      const values = state.history
        .filter(({ key }) => Buffer.from(key).toString() === name)
        .map((event) => (event.kind === "put" ? Buffer.from(event.value).toString() : ""));
      expect(values).to.deep.equal(Array.from({ length: 20 }, (_, i) => String(i)));
    }
  });

  it("a slow callback holds up those outside: TIMEOUT, and nothing of it was sent; the stream goes on", async () => {
    const { state, connect } = await fakeCluster();
    const client = await connect();
    const appender = client.appender({ pipelineSize: 1 });
    let wake = (): void => {};
    const asleep = new Promise<void>((resolve) => {
      wake = resolve;
    });
    await appender.append([put("a", "1")], () => asleep);
    await appender.append([put("b", "1")], () => {}); // its callback waits for that of a
    await until("both are done", () => state.revision === 2);
    const late = appender.append([put("c", "1")], () => {}, { timeoutMs: 30 });
    await failure(late, "TIMEOUT");
    wake();
    await appender.append([put("d", "1")]);
    expect(state.keys.has("c")).to.equal(false);
    expect(state.revision).to.equal(3);
  });

  it("a callback that throws surfaces, and the others run", async () => {
    const { connect } = await fakeCluster();
    const client = await connect();
    const appender = client.appender();
    const surfaced = new Promise((resolve) => {
      const listeners = process.listeners("uncaughtException");
      process.removeAllListeners("uncaughtException");
      process.once("uncaughtException", (error) => {
        for (const listener of listeners) process.on("uncaughtException", listener);
        resolve(error);
      });
    });
    await appender.append([put("a", "1")], () => {
      throw new Error("of the application");
    });
    expect(await surfaced).to.include({ message: "of the application" });
    await appender.append([put("b", "1")]);
  });

  it("the default callback is told of what has none of its own", async () => {
    const { connect } = await fakeCluster();
    const client = await connect();
    const told: unknown[] = [];
    const appender = client.appender({ defaultCallback: (result) => told.push(result?.revision) });
    expect(await appender.append([put("a", "1")])).to.include({ revision: 1 });
    await appender.append([put("a", "2")], () => told.push("own"));
    await appender.flush();
    expect(told).to.deep.equal([1, "own"]);
  });

  it("a lost connection is mended without loss, repetition or reordering", async () => {
    const cluster = await fakeCluster(3);
    const { state, nodes } = cluster;
    const client = await cluster.connect();
    const appender = client.appender({ pipelineSize: 8 });
    const revisions: number[] = [];
    let cuts = 0;
    for (let i = 0; i < 200; i += 1) {
      await appender.append([put("k", String(i))], (result) => revisions.push(result!.revision));
      if (i % 40 === 20) {
        cuts += 1;
        state.leader!.cut();
      }
      if (i % 80 === 60) state.lead(nodes[(i + 1) % 3]!, ...nodes.filter((_, n) => n !== (i + 1) % 3));
    }
    await appender.flush();
    expect(cuts).to.equal(5);
    expect(revisions).to.deep.equal(Array.from({ length: 200 }, (_, i) => i + 1));
    const values = state.history.map((event) =>
      event.kind === "put" ? Buffer.from(event.value).toString() : "",
    );
    expect(values).to.deep.equal(Array.from({ length: 200 }, (_, i) => String(i)));
  });

  it("a batch that has to wait holds up those behind it, and then all go on in order", async () => {
    const cluster = await fakeCluster();
    const { state, leader } = cluster;
    const client = await cluster.connect();
    const serve = state.script();
    let overloaded = 1;
    leader.script = (request, node, origin) => {
      if (isTxn(request) && overloaded > 0) {
        overloaded -= 1;
        return refusal(request, "OVERLOADED", { retryAfterMs: 20 });
      }
      return serve(request, node, origin);
    };
    const appender = client.appender({ pipelineSize: 4 });
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, i) => appender.append([put("k", String(i))])),
    );
    expect(results.map(({ revision }) => revision)).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("after one failure nothing that was submitted behind it slips through (F3)", async () => {
    const cluster = await fakeCluster();
    const { state, leader } = cluster;
    const client = await cluster.connect();
    const serve = state.script();
    let left = 2;
    leader.script = (request, node, origin) => {
      if (isTxn(request) && left === 0) {
        left -= 1;
        return refusal(request, "WRONG_ROUTE", { retryable: false });
      }
      if (isTxn(request)) left -= 1;
      return serve(request, node, origin);
    };
    const appender = client.appender({ pipelineSize: 4 });
    const settled = await Promise.allSettled(
      Array.from({ length: 10 }, (_, i) => appender.append([put("k", String(i))])),
    );
    const codes = settled.map((one) =>
      one.status === "fulfilled" ? "done" : (one.reason as { code: string }).code,
    );
    expect(codes).to.deep.equal(["done", "done", "WRONG_ROUTE", ...Array<string>(7).fill("CLOSED")]);
    expect(state.revision).to.equal(2);
    const error = await failure(appender.append([put("k", "late")]), "CLOSED");
    expect(error.cause).to.include({ code: "WRONG_ROUTE" });
    await failure(appender.flush(), "WRONG_ROUTE");
    await client.put("k", "others go on");
    expect(state.revision).to.equal(3);
  });

  it("an expired session ends it with SESSION_EXPIRED, and nothing is sent in another", async () => {
    const cluster = await fakeCluster();
    const { state } = cluster;
    const client = await cluster.connect();
    const hold = holding(cluster);
    const appender = client.appender({ pipelineSize: 2 });
    const first = appender.append([put("k", "0")]);
    await until("it is under way", () => hold.held() === 1);
    hold.release();
    await first;
    state.lead(cluster.leader);
    const serve = state.script();
    cluster.leader.script = (request, node, origin) => {
      if (isTxn(request)) state.expireSessions();
      return serve(request, node, origin);
    };
    const settled = await Promise.allSettled([
      appender.append([put("k", "1")]),
      appender.append([put("k", "2")]),
    ]);
    expect(
      settled.map((one) => (one.status === "rejected" ? (one.reason as { code: string }).code : "")),
    ).to.deep.equal(["SESSION_EXPIRED", "SESSION_EXPIRED"]);
    expect(state.revision).to.equal(1);
  });

  it("an idle one goes on in another session", async () => {
    const { state, connect } = await fakeCluster();
    const client = await connect();
    const appender = client.appender();
    await appender.append([put("k", "0")]);
    state.expireSessions();
    await client.put("k", "1"); // finds it out, and opens another
    expect(await appender.append([put("k", "2")])).to.include({ revision: 3 });
  });

  it("works with sessions switched off: it has one of its own kind", async () => {
    const { leader, connect } = await fakeCluster();
    const client = await connect({ sessions: false });
    const appender = client.appender();
    await Promise.all([client.put("a", "1"), appender.append([put("b", "1")]), client.put("c", "1")]);
    for (const { session, requests } of leader.frames) {
      if (requests.some(({ op }) => op === Op.put)) expect(session).to.equal(null);
      if (requests.some(isTxn)) expect(session).not.to.equal(null);
    }
  });

  it("when the client closes: OUTCOME_UNKNOWN for what was sent, CLOSED for the rest, callbacks run (C4)", async () => {
    const cluster = await fakeCluster();
    const client = await cluster.connect();
    const hold = holding(cluster);
    const appender = client.appender({ pipelineSize: 2 });
    const told: (string | undefined)[] = [];
    for (let i = 0; i < 2; i += 1) {
      await appender.append([put("k", "1")], (_, error) => told.push(error?.code));
    }
    const waiting = failure(appender.append([put("k", "2")]), "CLOSED");
    await until("two are under way", () => hold.held() === 2);
    await client.close();
    await waiting;
    await appender.close();
    expect(told).to.deep.equal(["OUTCOME_UNKNOWN", "OUTCOME_UNKNOWN"]);
  });

  it("what cannot be appended is refused before, and does the stream no harm", async () => {
    const { connect } = await fakeCluster();
    const client = await connect();
    const appender = client.appender();
    await failure(appender.append([]), "INVALID_ARGUMENT");
    await failure(appender.append([put("k", "v".repeat(2_000_000))]), "TOO_LARGE");
    expect(await appender.append([put("k", "v")])).to.include({ revision: 1 });
  });
});
