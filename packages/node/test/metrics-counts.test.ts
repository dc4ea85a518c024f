import { expect } from "chai";
import { RaftKvError, compare, connect, get, put } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import { startTestCluster } from "@raftkv/node";
import type { TestCluster } from "@raftkv/node";
import { until } from "./support/nodes.js";

/** `name{labels}` -> value, without the label of the node. */
type Samples = ReadonlyMap<string, number>;

async function samplesOf(endpoint: string): Promise<Samples> {
  const text = await (await fetch(`http://${endpoint}/metrics`)).text();
  const found = new Map<string, number>();
  for (const line of text.split("\n")) {
    const {
      name,
      labels = "",
      value,
    } = /^(?<name>\w+)(?:\{(?<labels>.*)\})? (?<value>\S+)$/.exec(line)?.groups ?? {};
    if (name === undefined || value === undefined) continue;
    const others = labels.split(",").filter((label) => !label.startsWith("node="));
    found.set(others.join() === "" ? name : `${name}{${others.join()}}`, Number(value));
  }
  return found;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof RaftKvError) return error.code;
    throw error;
  }
  return "none";
}

describe("/metrics after a run with known counts", function () {
  this.timeout(60_000);
  let cluster: TestCluster;
  let client: Client;
  /** What the client saw, by the name of the sample. */
  const saw = new Map<string, number>();
  let nodes: Samples[] = [];
  let leader: Samples = new Map();

  function count(sample: string, times = 1): void {
    saw.set(sample, (saw.get(sample) ?? 0) + times);
  }
  const answered = (operation: string, times = 1) =>
    count(`raftkv_client_answers_total{operation="${operation}"}`, times);
  const refused = (code: string) => count(`raftkv_client_refusals_total{code="${code}"}`);
  const sum = (sample: string) => nodes.reduce((total, samples) => total + (samples.get(sample) ?? 0), 0);

  async function run(): Promise<void> {
    const watched: number[] = [];
    const watch = client.watch({ prefix: "w/" });
    const watching = (async () => {
      for await (const event of watch) if (watched.push(event.revision) === 30) return;
    })();
    await watch.started;
    answered("watch");
    for (let at = 0; at < 20; at += 1) await client.put(`w/${at}`, "v");
    await Promise.all(Array.from({ length: 80 }, (_, at) => client.put(`k/${at}`, "v")));
    answered("put", 100);
    for (let at = 0; at < 10; at += 1) await client.delete(`w/${at}`);
    answered("delete", 10);
    await watching;
    count("raftkv_watch_events_total", watched.length);
    answered("watchCancel");
    for (let at = 0; at < 25; at += 1) await client.get(`k/${at}`);
    answered("get", 25);
    for (let at = 0; at < 5; at += 1) await client.get("k/1", { consistency: "serializable" });
    answered("get", 5);
    let entries = 0;
    for await (const entry of client.range({ prefix: "k/" })) entries += entry.version;
    expect(entries).to.equal(80);
    answered("range");
    for (let at = 0; at < 7; at += 1) {
      const txn = client.txn().if(compare("k/1").version.equals(at === 3 ? 9 : 1));
      await txn
        .then(put(`t/${at}`, "1"))
        .else(get("k/1"))
        .commit();
    }
    answered("txn", 7);
    const lease = await client.lease({ ttlSeconds: 600 });
    answered("leaseGrant");
    await lease.revoke();
    answered("leaseRevoke");
    expect(await codeOf(client.put("k", "v", { lease: 987_654 }))).to.equal("LEASE_NOT_FOUND");
    refused("LEASE_NOT_FOUND");
    expect(await codeOf(client.get("k", { revision: 1_000_000 }))).to.equal("FUTURE_REVISION");
    refused("FUTURE_REVISION");
    await client.compact(50);
    answered("compact");
    for (let at = 0; at < 3; at += 1) {
      expect(await codeOf(client.get("k", { revision: 1 }))).to.equal("COMPACTED");
      refused("COMPACTED");
    }
    answered("sessionOpen");
  }

  before(async () => {
    cluster = await startTestCluster();
    client = await connect({ endpoints: [...cluster.endpoints] });
    await run();
    const { revision } = await client.put("last", "one");
    answered("put");
    // Followers apply a little later.
    await until("every node has applied the last write", async () => {
      nodes = await Promise.all(cluster.endpoints.map(samplesOf));
      return nodes.every((samples) => samples.get("raftkv_store_revision") === revision) ? true : null;
    });
    leader = nodes.find((samples) => samples.get("raftkv_raft_is_leader") === 1) ?? new Map();
  });
  after(async () => {
    await client.close();
    await cluster.close();
  });

  it("counts every answer by its operation as the client saw it, and no others", () => {
    const names = [...new Set(nodes.flatMap((samples) => [...samples.keys()]))];
    for (const name of names.filter((sample) => sample.startsWith("raftkv_client_answers_total"))) {
      expect(sum(name), name).to.equal(saw.get(name) ?? 0);
    }
  });

  it("counts every error by its code", () => {
    const names = [...leader.keys()].filter((sample) => sample.startsWith("raftkv_client_refusals_total"));
    for (const name of names) {
      // The client asks around until it has found the leader, and its user sees nothing of that.
      if (!name.includes("NOT_LEADER")) expect(sum(name), name).to.equal(saw.get(name) ?? 0);
    }
  });

  it("counts the events of watches", () => {
    expect(sum("raftkv_watch_events_total")).to.equal(saw.get("raftkv_watch_events_total"));
  });

  it("counts every write once where it was proposed, and once on every node where it was applied", () => {
    const writes = ["put", "delete", "txn", "leaseGrant", "leaseRevoke", "compact", "sessionOpen"]
      .map((operation) => saw.get(`raftkv_client_answers_total{operation="${operation}"}`) ?? 0)
      .reduce((total, times) => total + times, 0);
    // The put with a lease that there is not went through the log too.
    const proposed = writes + 1;
    expect(sum("raftkv_proposals_total")).to.equal(proposed);
    expect(nodes.map((samples) => samples.get("raftkv_proposals_committed_total"))).to.deep.equal([
      proposed,
      proposed,
      proposed,
    ]);
    expect(sum("raftkv_write_seconds_count")).to.equal(proposed);
  });

  it("times as many linearizable reads as there were", () => {
    // 25 gets, a range, and four that named a revision: these are confirmed first as well.
    expect(sum("raftkv_read_seconds_count")).to.equal(30);
  });

  it("tells what is there now: one leader, no write that waits, the client's session, followers without lag", () => {
    expect(sum("raftkv_raft_is_leader")).to.equal(1);
    expect(sum("raftkv_elections_won_total")).to.be.greaterThan(0);
    expect(sum("raftkv_elections_stood_total")).to.be.at.least(sum("raftkv_elections_won_total"));
    for (const samples of nodes) {
      expect(samples.get("raftkv_pending_writes")).to.equal(0);
      expect(samples.get("raftkv_append_inflight_bytes")).to.equal(0);
      expect(samples.get("raftkv_sessions")).to.equal(1);
      expect(samples.get("raftkv_leases")).to.equal(0);
      expect(samples.get("raftkv_watches")).to.equal(0);
      // 100 puts, of which 10 are deleted again, 6 by transactions, and the last one.
      expect(samples.get("raftkv_store_keys")).to.equal(97);
      expect(samples.get("raftkv_wal_sync_seconds_count")).to.equal(samples.get("raftkv_wal_fsyncs_total"));
      expect(samples.get("raftkv_apply_seconds_count")).to.be.greaterThan(0);
    }
    const lags = [...leader].filter(([sample]) => sample.startsWith("raftkv_follower_lag_entries"));
    expect(lags.map(([, lag]) => lag)).to.have.length(2);
  });
});
