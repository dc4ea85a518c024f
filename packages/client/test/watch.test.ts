import type { Watch, WatchEvent } from "@raftkv/client";
import { del, put } from "@raftkv/client";
import { Op, encodeWatchProgress } from "@raftkv/protocol";
import { expect } from "chai";
import { fakeCluster } from "./support/fake-cluster.js";
import { cleanUp, failure, until } from "./support/help.js";

/** Collects what comes until the watch ends. */
function collect(watch: Watch): { readonly events: WatchEvent[]; readonly ended: Promise<unknown> } {
  const events: WatchEvent[] = [];
  const run = async (): Promise<unknown> => {
    for await (const event of watch) events.push(event);
    return null;
  };
  return { events, ended: run().catch((error: unknown) => error) };
}

const revisionsOf = (events: readonly WatchEvent[]): number[] => events.map(({ revision }) => revision);

describe("watch (F6)", () => {
  afterEach(cleanUp);

  it("sees puts and deletes of its range from now on, with what was there before", async () => {
    const { state, connect } = await fakeCluster();
    const client = await connect();
    await client.put("user/1", "before");
    const watch = client.watch({ prefix: "user/" }, { previous: true });
    expect(await watch.started).to.equal(1);
    const { events } = collect(watch);
    await client.put("user/1", "a");
    await client.put("other", "b");
    await client.delete("user/1");
    await until("both came", () => events.length === 2);
    const [changed, deleted] = events;
    expect(changed).to.include({ kind: "put", key: "user/1", revision: 2 });
    expect([changed?.kv?.text(), changed?.previous?.text()]).to.deep.equal(["a", "before"]);
    expect(deleted).to.include({ kind: "delete", key: "user/1", revision: 4, kv: null });
    expect(deleted?.previous?.text()).to.equal("a");
    expect(state.revision).to.equal(4);
  });

  it("begins at any revision, and leaves out what it is told to", async () => {
    const { connect } = await fakeCluster();
    const client = await connect();
    for (const value of ["1", "2", "3"]) await client.put("k", value);
    await client.delete("k");
    const all = collect(client.watch("k", { fromRevision: 2 }));
    const deletes = collect(client.watch(new TextEncoder().encode("k"), { fromRevision: 1, noPut: true }));
    await until("all came", () => all.events.length === 3 && deletes.events.length === 1);
    expect(revisionsOf(all.events)).to.deep.equal([2, 3, 4]);
    expect(deletes.events[0]?.key).to.deep.equal(new TextEncoder().encode("k"));
  });

  it("survives broken connections and changes of the leader: no gap, no repeat", async () => {
    const { state, nodes, connect } = await fakeCluster(3);
    const client = await connect();
    const watch = client.watch("k");
    await watch.started;
    const { events } = collect(watch);
    for (let i = 1; i <= 100; i += 1) {
      state.put("k", String(i));
      if (i % 10 === 5) await until("it is placed", () => state.watchers.length > 0);
      if (i % 20 === 0) state.leader!.cut();
      if (i % 30 === 0) {
        const next = nodes[(i / 30) % 3]!;
        state.lead(next, ...nodes.filter((node) => node !== next));
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until("all came", () => events.length >= 100);
    expect(revisionsOf(events)).to.deep.equal(Array.from({ length: 100 }, (_, i) => i + 1));
  });

  it("leaves a leader that is frozen as soon as the next one is known", async () => {
    const { state, nodes, leader, connect } = await fakeCluster(3);
    const client = await connect({ silenceTimeoutMs: 60_000 });
    const watch = client.watch("k");
    await watch.started;
    const { events } = collect(watch);
    const [, next, other] = nodes;
    await until("a second node is connected", () => next!.connected + other!.connected > 0);
    leader.freeze();
    state.lead(next!, other!);
    await until("it has moved", () => state.watchers.some(({ node }) => node !== leader));
    state.put("k", "1");
    await until("it came", () => events.length === 1);
  });

  it("a transaction comes in one piece, though it takes several frames", async () => {
    const { state, connect } = await fakeCluster();
    state.eventBytes = 200;
    const client = await connect();
    const watch = client.watch({ prefix: "" });
    await watch.started;
    const pieces: number[][] = [];
    const run = async (): Promise<void> => {
      for await (const events of watch.transactions()) pieces.push(revisionsOf(events));
    };
    run().catch(() => {}); // it ends when the client closes
    await client
      .txn()
      .then(...["a", "b", "c", "d", "e"].map((key) => put(key, "v".repeat(50))))
      .commit();
    await client.txn().then(put("x", "1"), del("a")).commit();
    await until("both came", () => pieces.length === 2);
    expect(pieces).to.deep.equal([
      [1, 1, 1, 1, 1],
      [2, 2],
    ]);
  });

  it("a transaction of which a part was lost with its connection comes whole, and once", async () => {
    const { state, leader, connect } = await fakeCluster();
    state.eventBytes = 200;
    const client = await connect();
    const watch = client.watch({ prefix: "" });
    await watch.started;
    const { events } = collect(watch);
    const [watcher] = state.watchers;
    // The first frame of three only.
    let sent = 0;
    state.watchers = [
      {
        ...watcher!,
        send: (frame) => {
          sent += 1;
          if (sent === 1) watcher!.send(frame);
        },
      },
    ];
    await client
      .txn()
      .then(...["a", "b", "c", "d", "e"].map((key) => put(key, "v".repeat(50))))
      .commit();
    await client.get("k"); // behind the first frame
    expect(events.length).to.equal(0);
    leader.cut();
    await until("it came", () => events.length > 0);
    expect(events.map(({ key }) => key)).to.deep.equal(["a", "b", "c", "d", "e"]);
  });

  it("goes on behind the last progress mark, so that compaction does not outrun an idle watch", async () => {
    const { state, leader, connect } = await fakeCluster();
    const client = await connect();
    const watch = client.watch("quiet");
    await watch.started;
    const { events } = collect(watch);
    for (let i = 0; i < 10; i += 1) state.put("busy", String(i));
    const [watcher] = state.watchers;
    expect(watcher?.request.progress).to.equal(true);
    watcher?.send(encodeWatchProgress(watcher.request.watchId, 10));
    await until("it is known", () => watch.nextRevision === 11);
    state.compact(10);
    state.watchers = [];
    leader.cut();
    await until("it is placed again", () => state.watchers.length === 1);
    state.put("quiet", "1");
    await until("it came", () => events.length === 1);
    expect(leader.requests.filter(({ op }) => op === Op.watch).at(-1)).to.include({ fromRevision: 11 });
  });

  it("what was compacted away ends it with COMPACTED and the floor", async () => {
    const { state, connect } = await fakeCluster();
    const client = await connect();
    for (let i = 0; i < 10; i += 1) state.put("k", String(i));
    state.compact(7);
    const watch = client.watch("k", { fromRevision: 5 });
    const { ended } = collect(watch);
    expect(await ended).to.include({ code: "COMPACTED", floor: 7 });
  });

  it("a consumer that is slow costs bounded memory, and misses nothing", async () => {
    const { state, leader, connect } = await fakeCluster();
    const client = await connect();
    const watch = client.watch("k", { maxQueuedBytes: 2_000 });
    await watch.started;
    for (let i = 1; i <= 100; i += 1) {
      state.put("k", "v".repeat(100));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until("the node was asked to hold on", () =>
      leader.requests.some(({ op }) => op === Op.watchCancel),
    );
    expect(watch.nextRevision).to.be.below(50);
    const { events } = collect(watch);
    await until("all came", () => events.length === 100);
    expect(revisionsOf(events)).to.deep.equal(Array.from({ length: 100 }, (_, i) => i + 1));
  });

  it("leaving the loop, close and the signal end it, and the node is told", async () => {
    const { state, connect } = await fakeCluster();
    const client = await connect();
    const abort = new AbortController();
    const left = client.watch("k");
    const closed = client.watch("k");
    const aborted = client.watch("k", { signal: abort.signal });
    await Promise.all([left.started, closed.started, aborted.started]);
    const ends = [collect(closed).ended, collect(aborted).ended];
    state.put("k", "1");
    for await (const event of left) {
      expect(event.revision).to.equal(1);
      break;
    }
    closed.close();
    abort.abort(new Error("enough"));
    expect(await ends[0]).to.equal(null);
    expect(await ends[1]).to.include({ message: "enough" });
    await until("the node serves none", () => state.watchers.length === 0);
  });

  it("ends with CLOSED when the client closes", async () => {
    const { connect } = await fakeCluster();
    const client = await connect();
    const watch = client.watch("k");
    await watch.started;
    const { ended } = collect(watch);
    await client.close();
    expect(await ended).to.include({ code: "CLOSED" });
    await failure(client.watch("k").started, "CLOSED");
  });
});
