import { expect } from "chai";
import {
  compactRequest,
  deleteRequest,
  prefixRange,
  putRequest,
  singleKey,
  txnRequest,
  watchCancelRequest,
  watchRequest,
} from "@raftkv/protocol";
import type { WireRequest } from "@raftkv/protocol";
import { metric } from "./support/metric.js";
import { TestNodes, until } from "./support/nodes.js";
import { RawClient } from "./support/raw-client.js";
import { WatchLog, WatchingClient } from "./support/watching-client.js";

const bytes = (text: string): Buffer => Buffer.from(text);
const LONG_MS = 60_000;

describe("watches (F6)", () => {
  let nodes: TestNodes;
  const open: { close(): void }[] = [];

  afterEach(async () => {
    for (const client of open.splice(0)) client.close();
    await nodes.close();
  });

  async function start(count: number, settings: Readonly<Record<string, string>> = {}): Promise<void> {
    nodes = await TestNodes.create(count, settings);
    await nodes.startAll();
    await nodes.leader();
  }
  async function watching(name: string): Promise<WatchingClient> {
    const client = await WatchingClient.open(nodes.endpoint(name));
    open.push(client);
    return client;
  }
  async function toLeader(): Promise<RawClient> {
    const client = await RawClient.greeted(nodes.endpoint((await nodes.leader()).name));
    open.push(client);
    return client;
  }
  /** The revision of each put, in the order of `keys`. */
  async function putAll(keys: readonly string[], value = bytes("v")): Promise<number[]> {
    const client = await toLeader();
    const revisions: number[] = [];
    for (let at = 0; at < keys.length; at += 2_000) {
      const part = keys.slice(at, at + 2_000);
      const replies = await client.ask(part.map((key, i) => putRequest(i + 1, 0, bytes(key), value)));
      for (let i = 1; i <= part.length; i += 1) {
        const reply = replies.get(i);
        if (reply?.op !== 1) throw new Error(`refused: ${JSON.stringify(reply)}`);
        revisions.push(reply.revision);
      }
    }
    return revisions;
  }

  it("10,000 on keys and 100 on a prefix see each event once and in order, over a leader change and a compaction", async function () {
    this.timeout(4 * LONG_MS);
    await start(3);
    const names = Array.from({ length: 10_000 }, (_, i) => `key/${String(i).padStart(5, "0")}`);
    const onKeys = names.map((name) => new WatchLog(singleKey(bytes(name)), 1));
    const onPrefix = Array.from({ length: 100 }, () => new WatchLog(prefixRange(bytes("key/012")), 1));
    const logs = [...onKeys, ...onPrefix];
    const leader = (await nodes.leader()).name;
    const [follower = "", other = ""] = ["n1", "n2", "n3"].filter((name) => name !== leader);
    const isMoved = (_log: WatchLog, at: number): boolean => at % 2 === 0;
    const stays = await watching(follower);
    const leaves = await watching(leader);
    await stays.watch(logs.filter((log, at) => !isMoved(log, at)));
    await leaves.watch(logs.filter(isMoved));
    expect(await metric(nodes.endpoint(leader), "raftkv_watches")).to.equal(5_050);

    const revisions = names.map((): number[] => []);
    const round = async (): Promise<void> => {
      for (const [at, revision] of (await putAll(names)).entries()) revisions[at]?.push(revision);
    };
    const inPrefix = (): number[] =>
      revisions
        .filter((_, at) => names[at]?.startsWith("key/012"))
        .flat()
        .sort((a, b) => a - b);
    const whenAllSaw = async (): Promise<void> => {
      const events = revisions.flat().length + 100 * inPrefix().length;
      await until(
        "every watch saw all",
        () => (logs.reduce((sum, log) => sum + log.revisions.length, 0) >= events ? true : null),
        LONG_MS,
      );
    };
    // A watch that has not looked at a revision yet when that is compacted would end.
    const whenNoneIsBehind = (): Promise<true> =>
      until(
        "none is behind",
        async () => ((await metric(nodes.endpoint(other), "raftkv_watches_behind")) === 0 ? true : null),
        LONG_MS,
      );
    await round();
    // Whatever of it is still on the way.
    await nodes.stop(leader);
    await leaves.raw.closed;
    await nodes.leader();
    // What comes while nobody watches for them.
    await round();
    const back = await watching(other);
    await back.watch(logs.filter(isMoved));
    await whenAllSaw();
    await whenNoneIsBehind();
    const compacted = await (await toLeader()).one(compactRequest(1, 0, revisions.flat().length));
    expect(compacted).to.deep.include({ op: 14 });
    await round();
    await whenAllSaw();
    await whenNoneIsBehind();
    for (const [at, log] of onKeys.entries()) expect(log.revisions).to.deep.equal(revisions[at]);
    for (const log of onPrefix) expect(log.revisions).to.deep.equal(inPrefix());
    const late = new WatchLog(prefixRange(bytes("key/012")), 1);
    await back.watch([late]);
    const end = await until("it ends", () => late.end);
    expect(end).to.deep.include({ code: "COMPACTED", floor: 20_000 });
  });

  it("of a client that stops reading cost bounded memory, hold nobody up, and go on when it reads again", async function () {
    this.timeout(4 * LONG_MS);
    await start(1, { watchUnreadBytes: "64KiB" });
    const [slow, quick] = [await watching("n1"), await watching("n1")];
    const [slowLog, quickLog] = [0, 1].map(() => new WatchLog(prefixRange(bytes("k")), 1)) as [
      WatchLog,
      WatchLog,
    ];
    await slow.watch([slowLog]);
    await quick.watch([quickLog]);
    slow.raw.socket.pause();
    const PUTS = 300;
    const value = Buffer.alloc(100_000, "v");
    const expected: number[] = [];
    for (let i = 0; i < PUTS; i += 20) {
      expected.push(
        ...(await putAll(
          Array.from({ length: 20 }, (_, j) => `k${i + j}`),
          value,
        )),
      );
    }
    await until("who reads sees all", () => (quickLog.revisions.length === PUTS ? true : null), LONG_MS);
    expect(await metric(nodes.endpoint("n1"), "raftkv_watches_behind")).to.equal(1);
    // Beside what the node holds, the kernel's buffers take some.
    const sent = (await metric(nodes.endpoint("n1"), "raftkv_watch_events_total")) - PUTS;
    expect(sent).to.be.below(PUTS / 2);
    slow.raw.socket.resume();
    await until("it sees the rest", () => (slowLog.revisions.length >= PUTS ? true : null), LONG_MS);
    expect(slowLog.revisions).to.deep.equal(expected);
    expect(quickLog.revisions).to.deep.equal(expected);
  });

  it("show what was before, in their filter, transactions in one piece, and marks when it is quiet", async () => {
    await start(1, { watchProgressMs: "50", maxConnectionWatches: "4" });
    const client = await watching("n1");
    const range = prefixRange(bytes("k"));
    const [all, puts, deletes] = [0, 1, 2].map(() => new WatchLog(range, 0)) as [
      WatchLog,
      WatchLog,
      WatchLog,
    ];
    await client.watch([all], { wantPrevious: true, progress: true });
    await client.watch([puts], { noDelete: true });
    await client.watch([deletes], { noPut: true });
    const leader = await toLeader();
    await leader.one(putRequest(1, 0, bytes("k1"), bytes("one")));
    await leader.one(putRequest(2, 0, bytes("k1"), bytes("two")));
    const put = { kind: "put", key: bytes("k2"), value: bytes("2"), lease: 0, wantPrevious: false } as const;
    const gone = { kind: "delete", range: singleKey(bytes("k1")), wantPrevious: false } as const;
    const txn = await leader.one(txnRequest(3, 0, { compares: [], then: [put, gone], else: [] }));
    const last = txn.op === 5 ? txn.revision : 0;
    await leader.one(putRequest(4, 0, bytes("another"), bytes("v")));
    await until("a mark comes", () => (all.marks.at(-1) === last + 1 ? true : null));
    const shown = (log: WatchLog): string[] =>
      log.events.map(({ kind, key, previous }) => {
        const before = previous === null ? "" : ` was ${Buffer.from(previous.value).toString()}`;
        return `${kind} ${Buffer.from(key).toString()}${before}`;
      });
    expect(shown(all)).to.deep.equal(["put k1", "put k1 was one", "put k2", "delete k1 was two"]);
    expect(all.revisions).to.deep.equal([last - 2, last - 1, last, last]);
    expect(shown(puts)).to.deep.equal(["put k1", "put k1", "put k2"]);
    expect(shown(deletes)).to.deep.equal(["delete k1"]);
    expect([puts.marks, deletes.marks]).to.deep.equal([[], []]);

    const flags = { wantPrevious: false, noPut: false, noDelete: false, progress: false };
    const again = (id: number, watchId: number): WireRequest =>
      watchRequest(id, 0, { watchId, range, fromRevision: 0, ...flags });
    const [reused, fourth, fifth] = await client.ask([again(91, 1), again(92, 94), again(93, 95)]);
    expect(reused).to.deep.include({ op: 0, code: "INVALID_ARGUMENT" });
    expect(fourth).to.deep.include({ op: 17, revision: last + 1 });
    expect(fifth).to.deep.include({ op: 0, code: "TOO_LARGE", limit: 4 });
    const [cancelled] = await client.ask([watchCancelRequest(96, 0, 1)]);
    expect(cancelled).to.deep.include({ op: 18 });
    await leader.one(deleteRequest(5, 0, bytes("k2")));
    await until("another sees it", () => (deletes.events.length === 2 ? true : null));
    expect(all.events, "cancelled").to.have.length(4);
    client.close();
    const endpoint = nodes.endpoint("n1");
    await until("they go with their connection", async () =>
      (await metric(endpoint, "raftkv_watches")) === 0 ? true : null,
    );
  });
});
