import { compare, del, get, put, txn } from "@raftkv/client";
import { Op } from "@raftkv/protocol";
import { expect } from "chai";
import { fakeCluster } from "./support/fake-cluster.js";
import { cleanUp, failure, until } from "./support/help.js";

describe("ranges", () => {
  afterEach(cleanUp);

  it("are read page by page at one revision, in either order", async () => {
    const { leader, connect } = await fakeCluster();
    const client = await connect();
    for (let i = 0; i < 8; i += 1) await client.put(`user/${i}`, String(i));
    await client.put("users", "not one of them");
    const keys: string[] = [];
    for await (const kv of client.range({ prefix: "user/" })) {
      keys.push(kv.key);
      if (keys.length === 1) await client.put("user/9", "later");
    }
    const all = ["user/0", "user/1", "user/2", "user/3", "user/4", "user/5", "user/6", "user/7"];
    expect(keys.slice(0, 8)).to.deep.equal(all);
    const pages = leader.requests.filter(({ op }) => op === Op.range);
    expect(pages.map((page) => "revision" in page && page.revision)).to.deep.equal(
      [0, 9, 9, 9].slice(0, pages.length),
    );
    const down = await client.getRange({ start: "user/", end: "user/8" }, { order: "descending" });
    expect(down.entries.map(({ key }) => key)).to.deep.equal(all.toReversed());
  });

  it("with a limit, keys only, counted, as bytes", async () => {
    const { leader, connect } = await fakeCluster();
    const client = await connect();
    for (let i = 0; i < 8; i += 1) await client.put(`k${i}`, "v");
    const few = await client.getRange({ prefix: "k" }, { limit: 5, keysOnly: true, pageSize: 2 });
    expect(few.entries.map(({ key, value }) => [key, value.length])).to.deep.equal(
      ["k0", "k1", "k2", "k3", "k4"].map((key) => [key, 0]),
    );
    expect(few.more).to.equal(true);
    const limits = leader.requests
      .filter(({ op }) => op === Op.range)
      .map((one) => "limit" in one && one.limit);
    expect(limits).to.deep.equal([2, 2, 1]);
    expect(await client.count({ prefix: "k" })).to.equal(8);
    const { entries } = await client.getRange({ start: Buffer.from("k6") });
    expect(entries.map(({ key }) => key)).to.deep.equal(
      ["k6", "k7"].map((key) => new TextEncoder().encode(key)),
    );
    await failure(client.getRange({ start: "b", end: "a" }), "INVALID_ARGUMENT");
  });

  it("keys that are no UTF-8 do not confuse the paging", async () => {
    const { connect } = await fakeCluster();
    const client = await connect();
    for (let i = 0; i < 7; i += 1) await client.put(Buffer.from([0x61, 0xff, i]), "v");
    const { entries } = await client.getRange({ prefix: "a" });
    expect(entries.length).to.equal(7);
  });

  it("are deleted at one revision, and say what was there", async () => {
    const { connect } = await fakeCluster();
    const client = await connect();
    for (const key of ["a", "b", "c"]) await client.put(key, key);
    const { revision, deleted, previous } = await client.delete({ start: "a", end: "c" }, { previous: true });
    expect([revision, deleted]).to.deep.equal([4, 2]);
    expect(previous?.map((kv) => kv.text())).to.deep.equal(["a", "b"]);
    const replaced = await client.put("c", "new", { previous: true });
    expect(replaced.previous?.text()).to.equal("c");
    expect((await client.put("d", "new", { previous: true })).previous).to.equal(null);
  });
});

describe("transactions", () => {
  afterEach(cleanUp);

  it("carry out one branch, and say what became of each operation", async () => {
    const { connect } = await fakeCluster();
    const client = await connect();
    const attempt = client.txn().if(compare("k").version.equals(0)).then(put("k", "1")).else(get("k"));
    expect(await attempt.commit()).to.deep.equal({
      revision: 1,
      succeeded: true,
      results: [{ kind: "put", previous: null }],
    });
    const second = await attempt.commit();
    expect([second.revision, second.succeeded]).to.deep.equal([1, false]);
    const [found] = second.results;
    expect(found?.kind === "get" && found.kv?.text()).to.equal("1");
    const third = await client
      .txn()
      .if(compare("k").value.equals("1"), compare("k").modRevision.lessThan(2))
      .then(put("k", "2", { previous: true }), del({ prefix: "nothing" }))
      .then(txn().then(get({ prefix: "" })))
      .commit();
    const [replaced, deleted, nested] = third.results;
    expect(replaced?.kind === "put" && replaced.previous?.text()).to.equal("1");
    expect(deleted).to.include({ kind: "delete", deleted: 0 });
    const inner = nested?.kind === "txn" ? nested.results[0] : null;
    expect(inner?.kind === "get" && inner.entries.map(({ key }) => key)).to.deep.equal(["k"]);
  });

  it("that are awaited without commit say so, instead of waiting for ever", async () => {
    const { connect } = await fakeCluster();
    const client = await connect();
    const wrong = Promise.resolve(client.txn().then(put("k", "v")));
    const error = await failure(wrong, "INVALID_ARGUMENT");
    expect(error.message).to.include("commit()");
    await failure(txn().commit(), "INVALID_ARGUMENT");
  });

  it("over the limits are refused before anything is sent (C7)", async () => {
    const { leader, connect } = await fakeCluster();
    const client = await connect();
    const many = Array.from({ length: 1025 }, (_, i) => put(`k${i}`, "v"));
    expect(
      (
        await failure(
          client
            .txn()
            .then(...many)
            .commit(),
          "TOO_LARGE",
        )
      ).limit,
    ).to.equal(1024);
    const large = Array.from({ length: 6 }, (_, i) => put(`k${i}`, "v".repeat(1_000_000)));
    await failure(
      client
        .txn()
        .then(...large)
        .commit(),
      "TOO_LARGE",
    );
    await failure(
      client
        .txn()
        .then(put("k".repeat(70_000), "v"))
        .commit(),
      "TOO_LARGE",
    );
    expect(leader.requests).to.deep.equal([]);
  });
});

describe("leases and locks", () => {
  afterEach(cleanUp);

  it("a lease keeps itself alive, until it is revoked, and its keys go with it", async () => {
    const { state, leader, connect } = await fakeCluster();
    const client = await connect();
    const lease = await client.lease({ ttlSeconds: 0.1 });
    await client.put("k", "v", { lease });
    expect((await client.get("k"))?.lease).to.equal(lease.id);
    await until(
      "it was kept alive",
      () => leader.requests.filter(({ op }) => op === Op.leaseKeepAlive).length > 3,
    );
    expect(lease.signal.aborted).to.equal(false);
    expect(await client.leaseStatus(lease.id)).to.deep.include({ lease: lease.id, ttlMs: 100 });
    expect(await client.leases()).to.deep.equal([{ lease: lease.id, ttlMs: 100, remainingMs: 100 }]);
    const attached = await client.attachLease(lease.id);
    expect(attached).to.include({ id: lease.id, ttlMs: 100 });
    attached.stop();
    const unknown = await failure(client.attachLease(999_999), "LEASE_NOT_FOUND");
    expect(unknown.lease).to.equal(999_999);
    await lease.revoke();
    expect(await client.get("k")).to.equal(null);
    expect(state.leases.size).to.equal(0);
    expect(lease.signal.aborted).to.equal(false);
    await failure(client.put("k", "v", { lease }), "LEASE_NOT_FOUND");
    await failure(client.leaseStatus(lease.id), "LEASE_NOT_FOUND");
  });

  it("a lease that the cluster does not know any more is lost", async () => {
    const { state, connect } = await fakeCluster();
    const client = await connect();
    const lost: unknown[] = [];
    const lease = await client.lease({ ttlSeconds: 0.1, onLost: (reason) => lost.push(reason) });
    state.endLease(lease.id);
    await until("it is known", () => lease.signal.aborted);
    expect(lease.signal.reason).to.include({ code: "LEASE_NOT_FOUND", lease: lease.id });
    expect(lost).to.deep.equal([lease.signal.reason]);
  });

  it("a lease that could not be kept alive in time is lost, no later than the cluster lets it go", async () => {
    const { leader, connect } = await fakeCluster();
    const client = await connect();
    const before = performance.now();
    const lease = await client.lease({ ttlSeconds: 0.2 });
    const { ttlMs } = lease;
    leader.script = () => null;
    const remaining = lease.remainingMs;
    expect(remaining).to.be.at.most(ttlMs - (performance.now() - before) + ttlMs);
    await until("it is lost", () => lease.signal.aborted);
    expect(lease.signal.reason).to.include({ code: "LEASE_NOT_FOUND" });
    expect(lease.remainingMs).to.equal(0);
  });

  it("many leases are kept alive in one request", async () => {
    const { leader, connect } = await fakeCluster();
    const client = await connect();
    await Promise.all(Array.from({ length: 20 }, () => client.lease({ ttlSeconds: 0.3 })));
    const kept = (): number[] =>
      leader.requests.flatMap((request) => (request.op === Op.leaseKeepAlive ? [request.leases.length] : []));
    await until("all were kept alive", () => kept().reduce((sum, count) => sum + count, 0) >= 20);
    expect(kept().length).to.be.below(10);
  });

  it("a lock goes from one to the next, with tokens that grow", async () => {
    const { connect } = await fakeCluster();
    const clients = [await connect(), await connect(), await connect()];
    const first = await clients[0]!.lock("job", { ttlSeconds: 1 });
    const order: string[] = [];
    const second = clients[1]!.lock("job").then((lock) => {
      order.push("second");
      return lock;
    });
    await until("it waits", () => order.length === 0);
    const other = await clients[2]!.lock("job/other");
    await failure(clients[2]!.lock("job", { timeoutMs: 50 }), "TIMEOUT");
    expect(order).to.deep.equal([]);
    await first.release();
    const lock = await second;
    expect(lock.token).to.be.greaterThan(first.token);
    expect(lock.signal.aborted).to.equal(false);
    await lock.release();
    await other.release();
    expect(await clients[0]!.count({ prefix: "" })).to.equal(0);
  });

  it("a lock whose lease is lost says so", async () => {
    const { state, connect } = await fakeCluster();
    const client = await connect();
    const lock = await client.lock("job", { ttlSeconds: 0.1 });
    const [lease] = state.leases.keys();
    state.endLease(lease!);
    await until("it is known", () => lock.signal.aborted);
  });

  it("compact and catalog give what the node answers", async () => {
    const { state, connect } = await fakeCluster();
    const client = await connect();
    for (let i = 0; i < 5; i += 1) await client.put("k", String(i));
    expect(await client.compact(3)).to.deep.equal({ floor: 3 });
    expect(state.floor).to.equal(3);
    const { version, routes } = await client.catalog();
    expect([version, routes.length]).to.deep.equal([1, 1]);
  });
});
