import { readFileSync, readdirSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { expect } from "chai";
import { connect } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import type { NodeStatus, SnapshotInspection } from "@raftkv/node";
import { raftkv } from "./support/captured.js";
import { temporaryDirectory } from "./support/temporary.js";
import { TestNodes, until } from "./support/test-nodes.js";

async function json<T>(args: readonly string[]): Promise<T> {
  const done = await raftkv([...args, "--json"]);
  expect(done.code, done.err).to.equal(0);
  return JSON.parse(done.out.toString()) as T;
}

async function hashAt(address: string, revision: number): Promise<string | null> {
  const response = await fetch(`http://${address}/v1/status?hash=true&revision=${revision}`);
  return ((await response.json()) as NodeStatus).hash;
}

async function metricOf(address: string, name: string): Promise<number> {
  const text = await (await fetch(`http://${address}/metrics`)).text();
  return Number(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, "m").exec(text)?.[1]);
}

/** Each member by itself, as on a machine of its own. */
async function restoreAll(nodes: TestNodes, file: string, ...more: readonly string[]) {
  const restored: { readonly source: string; readonly stateHash: string }[] = [];
  for (const { dataDir, name } of nodes.options) {
    const member = ["--name", name, "--data-dir", dataDir, "--initial-cluster", nodes.members];
    restored.push(await json(["snapshot", "restore", file, ...member, "--control", ...more]));
  }
  return restored;
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return null;
  } catch (error) {
    return (error as { readonly code?: unknown }).code;
  }
}

describe("a backup of a cluster (R23, S10)", function () {
  this.timeout(60_000);
  let nodes: TestNodes;
  let client: Client;
  let others: TestNodes[] = [];

  before(async () => {
    nodes = await TestNodes.create(3);
    await nodes.startAll();
    client = await connect({ endpoints: nodes.endpoints });
  });

  after(async () => {
    await client.close();
    await nodes.close();
  });

  afterEach(async () => {
    for (const other of others) await other.close();
    others = [];
  });
  // Behind it: hooks run in their order, and a node that runs writes on.
  const directory = temporaryDirectory();

  async function another(count: number, witnesses = 0): Promise<TestNodes> {
    const made = await TestNodes.create(count, {}, witnesses);
    others.push(made);
    return made;
  }

  /** Saved from n1. */
  async function saved(from = "n1"): Promise<string> {
    const file = join(directory(), "saved");
    await json(["snapshot", "save", file, "--endpoints", nodes.endpoint(from)]);
    return file;
  }

  it("is saved under load from a follower, has all that was acknowledged, and begins a new cluster with an equal hash", async () => {
    const stop = new AbortController();
    const acknowledged = new Map<string, number>();
    const load = Promise.all(
      Array.from({ length: 8 }, async (_, caller) => {
        for (let i = 0; !stop.signal.aborted; i += 1) {
          const key = `load/${caller}/${i % 50}`;
          await client.put(key, `${i} ${"x".repeat(200)}`);
          acknowledged.set(key, i);
        }
      }),
    );
    await until("there is load", () => (acknowledged.size > 300 ? true : null));
    const lease = await client.lease({ ttlSeconds: 600 });
    await client.put("leased", "v", { lease: lease.id });
    const leader = await nodes.leader();
    const follower = nodes.options.find(({ name }) => name !== leader.name)?.name ?? "";
    const expected = new Map(acknowledged);
    const file = await saved(follower);
    const found = await json<SnapshotInspection>(["snapshot", "inspect", file]);
    expect(found).to.include({ node: follower, clusterId: leader.clusterId, attached: 1 });
    for (const { name } of nodes.options) {
      const hash = await until("it has applied that revision", () =>
        hashAt(nodes.endpoint(name), found.revision),
      );
      expect(hash, `${name} at revision ${found.revision}, under load`).to.equal(found.hash);
    }
    stop.abort();
    await load;

    const made = await another(3);
    const restored = await restoreAll(made, file);
    expect(new Set(restored.map(({ source, stateHash }) => `${source} ${stateHash}`)).size).to.equal(1);
    const checkpoints = made.options.map(({ dataDir }) =>
      readFileSync(join(dataDir, "groups", "1", "checkpoint"), "hex"),
    );
    expect(new Set(checkpoints).size, "the same bytes").to.equal(1);
    await made.startAll();
    const statuses = await until("all have applied the same", async () => {
      const all = await made.statuses();
      return all.every(({ appliedIndex }) => appliedIndex > found.index) ? all : null;
    });
    for (const status of statuses) {
      expect(status.clusterId).to.equal(statuses[0]?.clusterId).and.not.equal(found.clusterId);
      expect(status).to.include({ revision: found.revision, hash: found.hash });
    }
    const there = await connect({ endpoints: made.endpoints });
    for (const [key, at] of expected) {
      expect(Number.parseInt((await there.get(key))?.text() ?? "", 10), key).to.be.at.least(at);
    }
    expect((await there.get("leased"))?.lease, "leases stay").to.equal(lease.id);
    expect((await there.put("more", "of it")).revision).to.equal(found.revision + 1);
    await there.close();
    await lease.revoke();
  });

  it("begins a cluster whose later members get it as a snapshot, and have the same hash (R23)", async () => {
    const { revision } = await client.put("restored", "it");
    await client.put("gone", "before");
    await client.delete("gone");
    const file = await saved();
    const { index } = await json<SnapshotInspection>(["snapshot", "inspect", file]);
    const made = await another(1);
    await restoreAll(made, file);
    await made.startAll();
    const there = await connect({ endpoints: made.endpoints });
    await there.put("behind", "it");
    const options = await made.prepare("n2");
    await there.members.add("n2", { peer: `127.0.0.1:${options.listenPeer.port}` });
    await made.start("n2");
    await until("n2 votes", async () => {
      const members = await there.members.list();
      return members.find(({ name }) => name === "n2")?.role === "voter" ? true : null;
    });
    await there.put("last", "of it");
    const [n1, n2] = await until("both have applied the same", async () => {
      const all = await made.statuses();
      return new Set(all.map(({ stateHashIndex }) => stateHashIndex)).size === 1 ? all : null;
    });
    expect(n2?.stateHash).to.be.a("string").and.equal(n1?.stateHash);
    expect(n2).to.include({ hash: n1?.hash, clusterId: n1?.clusterId });
    // Its log begins behind what was restored: the log of the first member never had that.
    expect(await metricOf(made.endpoint("n2"), "raftkv_snapshots_received_total")).to.equal(1);
    expect(await metricOf(made.endpoint("n2"), "raftkv_raft_first_index")).to.be.greaterThan(index);
    const own = await connect({ endpoints: [made.endpoint("n2")] });
    expect(await own.get("restored", { consistency: "serializable" })).to.include({ modRevision: revision });
    expect(
      (await own.get("gone", { revision: revision + 1, consistency: "serializable" }))?.text(),
      "and the history",
    ).to.equal("before");
    await own.close();
    await there.close();
  });

  it("makes a cluster that old members and clients of the old one cannot mistake for theirs (R25)", async () => {
    const file = await saved();
    const made = await another(3);
    await restoreAll(made, file);
    await nodes.stop("n3");
    await made.start("n1");
    await made.start("n2");
    // The old member n3 at the place of the new one: two new members still wait for the third.
    const { advertiseClient, advertisePeer, initialCluster, listenClient, listenPeer } = made.option("n3");
    const place = { advertiseClient, advertisePeer, initialCluster, listenClient, listenPeer };
    await made.start("n3", { ...nodes.option("n3"), ...place });
    const [n1] = await made.statuses();
    expect(n1).to.include({ role: "forming", clusterId: null });
    await made.stop("n3");
    await made.start("n3");
    await made.leader();
    expect((await made.statuses())[0]?.clusterId).to.be.a("string");
    const { clusterId } = await nodes.leader();
    const stranger = connect({ endpoints: made.endpoints, clusterId: clusterId ?? "" });
    expect(await codeOf(stranger)).to.equal("WRONG_CLUSTER");
    await nodes.start("n3");
  });

  it("is restored at all members in the same way, or they refuse each other and say why", async () => {
    const file = await saved();
    const made = await TestNodes.create(2, { logLevel: "silent" });
    others.push(made);
    const member = (name: string): string[] => {
      const { dataDir } = made.option(name);
      const where = ["--name", name, "--data-dir", dataDir, "--initial-cluster", made.members];
      return ["snapshot", "restore", file, ...where];
    };
    const first = await json<{ readonly source: string }>(member("n1"));
    const second = await json<{ readonly source: string }>([...member("n2"), "--bump-revision", "10"]);
    expect(first.source).to.not.equal(second.source);
    await made.startAll();
    for (const { role } of await made.statuses()) expect(role).to.equal("forming");
  });

  it("begins further on, with older revisions gone, when it is told to; a witness among the members (R24)", async () => {
    const { revision } = await client.put("before", "it");
    const made = await another(3, 1);
    await restoreAll(made, await saved(), "--bump-revision", "1000000", "--mark-compacted");
    expect(readdirSync(made.option("n3").dataDir), "a witness has no data").to.deep.equal(["node.json"]);
    await made.startAll();
    const there = await connect({ endpoints: made.endpoints });
    expect(await there.get("before")).to.include({ modRevision: revision });
    expect(await codeOf(there.get("before", { revision }))).to.equal("COMPACTED");
    expect((await there.put("behind", "it")).revision).to.be.greaterThan(revision + 1_000_000);
    await there.close();
    // It resumes as any cluster does.
    for (const { name } of made.options) await made.stop(name);
    await made.startAll();
    await made.leader();
  });

  it("is refused by a witness, to web pages, and without a majority unless a node's own state is asked for", async () => {
    const made = await another(3, 1);
    await made.startAll();
    await made.leader();
    const save = (name: string, ...more: readonly string[]) => {
      const file = join(directory(), `of-${name}`);
      return raftkv(["snapshot", "save", file, "--endpoints", made.endpoint(name), ...more]);
    };
    const witness = await save("n3");
    expect(witness).to.include({ code: 3 });
    expect(witness.err).to.contain("witness").and.to.contain("UNAVAILABLE");
    const page = await new Promise((resolve) => {
      const headers = { origin: "http://elsewhere" };
      get(`http://${made.endpoint("n1")}/v1/snapshot`, { headers, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
    });
    expect(page).to.equal(403);
    await made.stop("n2");
    await made.stop("n3");
    const alone = await save("n1");
    expect(alone).to.include({ code: 3 });
    expect(alone.err).to.contain("no leader confirmed a read");
    expect(readdirSync(directory()), "nothing is left").to.deep.equal([]);
    expect(await save("n1", "--consistency", "serializable")).to.include({ code: 0, err: "" });
  });
});
