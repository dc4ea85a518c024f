import { expect } from "chai";
import {
  EVERYTHING,
  catalogChangeRequest,
  catalogRequest,
  compactRequest,
  deleteRangeRequest,
  getRequest,
  leaseGrantRequest,
  leaseKeepAliveRequest,
  leaseListRequest,
  leaseRevokeRequest,
  leaseTimeToLiveRequest,
  prefixRange,
  putRequest,
  rangeRequest,
  singleKey,
  txnRequest,
} from "@raftkv/protocol";
import type { RangeReply, RangeRequest, Txn } from "@raftkv/protocol";
import { TestNodes, until } from "./support/nodes.js";
import { RawClient } from "./support/raw-client.js";

const bytes = (text: string): Buffer => Buffer.from(text);
const text = (value: Uint8Array): string => Buffer.from(value).toString();

type Query = Partial<Omit<RangeRequest, "requestId" | "op" | "deadlineMs">>;

describe("the operations of a node", () => {
  let nodes: TestNodes;
  let client: RawClient;
  let lastId = 0;
  const id = (): number => (lastId += 1);

  before(async () => {
    nodes = await TestNodes.create(1, {
      maxRangeEntries: "10",
      minTtlMs: "10",
      maxAnswerBytes: "4KiB",
      maxFrameRequests: "100",
    });
    await nodes.startAll();
    await nodes.leader();
    client = await RawClient.greeted(nodes.endpoint("n1"));
  });
  after(async () => {
    client.close();
    await nodes.close();
  });

  const put = (key: string, value: string, lease = 0, wantPrevious = false) =>
    client.one(putRequest(id(), 0, bytes(key), bytes(value), lease, wantPrevious));

  async function range(prefix: string, query: Query = {}): Promise<RangeReply> {
    const whole = {
      ...EVERYTHING,
      range: prefixRange(bytes(prefix)),
      linearizable: true,
      revision: 0,
      ...query,
    };
    const reply = await client.one(rangeRequest(id(), 0, whole));
    if (reply.op !== 4) throw new Error(`refused: ${JSON.stringify(reply)}`);
    return reply;
  }

  it("puts tell what was there before, when they are asked", async () => {
    await put("previous", "one");
    const reply = await put("previous", "two", 0, true);
    expect(reply.op === 1 && reply.previous !== null && text(reply.previous.value)).to.equal("one");
    expect(await put("previous", "three")).to.deep.include({ previous: null });
  });

  it("a get at a revision shows what was there then; one above the latest is refused with the latest (S8)", async () => {
    const first = await put("past", "one");
    const revision = first.op === 1 ? first.revision : 0;
    await put("past", "two");
    const reply = await client.one(getRequest(id(), 0, bytes("past"), true, revision));
    expect(reply).to.deep.include({ op: 2, revision });
    expect(reply.op === 2 && reply.value?.toString()).to.equal("one");
    const future = await client.one(getRequest(id(), 0, bytes("past"), true, revision + 1_000));
    expect(future).to.deep.include({
      op: 0,
      code: "FUTURE_REVISION",
      revision: revision + 1,
      retryable: false,
    });
  });

  it("ranges come in pages at one revision, whatever is written meanwhile", async () => {
    const keys = Array.from({ length: 25 }, (_, i) => `page/${String(i).padStart(2, "0")}`);
    for (const key of keys) await put(key, "before");
    const all = prefixRange(bytes("page/"));
    const first = await range("page/");
    expect(first.more).to.equal(true);
    const found = [...first.entries];
    for (let page = first; page.more;) {
      await put(`page/${found.length}x`, "after");
      await put(keys[24] as string, "after");
      const start = singleKey(found.at(-1)?.key ?? bytes("")).end as Uint8Array;
      page = await range("", { range: { start, end: all.end }, revision: first.revision });
      found.push(...page.entries);
    }
    expect(found.map(({ key }) => text(key))).to.deep.equal(keys);
    expect(new Set(found.map(({ value }) => text(value)))).to.deep.equal(new Set(["before"]));
  });

  it("ranges count, leave values out, go backwards and keep to bounds and limits", async () => {
    const revisions: number[] = [];
    for (const key of ["a", "b", "c"]) {
      const reply = await put(`select/${key}`, key);
      revisions.push(reply.op === 1 ? reply.revision : 0);
    }
    expect(await range("select/", { countOnly: true })).to.deep.include({
      entries: [],
      count: 3,
      more: false,
    });
    const names = async (query: Query): Promise<string[]> =>
      (await range("select/", query)).entries.map(({ key, value }) => `${text(key)}=${text(value)}`);
    expect(await names({ keysOnly: true, order: "descending", limit: 2 })).to.deep.equal([
      "select/c=",
      "select/b=",
    ]);
    expect(await names({ minModRevision: revisions[1] ?? 0 })).to.deep.equal(["select/b=b", "select/c=c"]);
    expect(await names({ maxCreateRevision: revisions[0] ?? 0 })).to.deep.equal(["select/a=a"]);
  });

  it("answers every range of a frame, many more than are read at one time", async () => {
    await put("many", "v");
    const query = { ...EVERYTHING, range: singleKey(bytes("many")), revision: 0 };
    const asked = Array.from({ length: 100 }, (_, i) =>
      rangeRequest(id(), 0, { ...query, linearizable: i % 2 === 0 }),
    );
    const replies = [...(await client.ask(asked)).values()];
    expect(replies.map((reply) => reply.op === 4 && reply.entries.length)).to.deep.equal(
      Array.from({ length: 100 }, () => 1),
    );
  });

  it("deletes a range at one revision and tells what it was", async () => {
    for (const key of ["x", "y"]) await put(`gone/${key}`, key);
    const reply = await client.one(deleteRangeRequest(id(), 0, prefixRange(bytes("gone/")), true));
    expect(reply).to.deep.include({ op: 3, deleted: 2 });
    expect(reply.op === 3 && reply.previous.map(({ value }) => text(value))).to.deep.equal(["x", "y"]);
    expect((await range("gone/")).entries).to.deep.equal([]);
  });

  it("carries a transaction out as its compares say, and its answer has one result an operation", async () => {
    const txn = (version: number): Txn => ({
      compares: [{ range: singleKey(bytes("t")), target: "version", relation: "=", operand: version }],
      then: [
        { kind: "put", key: bytes("t"), value: bytes("new"), lease: 0, wantPrevious: false },
        { kind: "get", range: singleKey(bytes("t")), ...EVERYTHING },
      ],
      else: [{ kind: "delete", range: singleKey(bytes("t")), wantPrevious: false }],
    });
    const then = await client.one(txnRequest(id(), 0, txn(0)));
    expect(then).to.deep.include({ op: 5, succeeded: true });
    expect(then.op === 5 && then.results.map(({ kind }) => kind)).to.deep.equal(["put", "get"]);
    const otherwise = await client.one(txnRequest(id(), 0, txn(7)));
    expect(otherwise).to.deep.include({ op: 5, succeeded: false });
    expect(otherwise.op === 5 && otherwise.results).to.deep.equal([
      { kind: "delete", deleted: 1, previous: [] },
    ]);
  });

  it("refuses an answer above --max-answer-bytes, which went into the log (F1)", async () => {
    for (let i = 0; i < 5; i += 1) await put(`big/${i}`, "v".repeat(1_000));
    const get = { kind: "get", ...EVERYTHING, range: prefixRange(bytes("big/")) } as const;
    const reply = await client.one(txnRequest(id(), 0, { compares: [], then: [get], else: [] }));
    expect(reply).to.deep.include({ op: 0, code: "TOO_LARGE", limit: 4096, retryable: false });
  });

  it("grants, lists, keeps alive and revokes leases; what is attached goes with them", async () => {
    const granted = await client.one(leaseGrantRequest(id(), 0, 60_000));
    const lease = granted.op === 6 ? granted.lease : 0;
    expect(granted).to.deep.include({ op: 6, ttlMs: 60_000 });
    await put("leased/a", "v", lease);
    await put("leased/b", "v", lease);
    await put("leased/b", "v");
    const left = await client.one(leaseTimeToLiveRequest(id(), 0, lease, true));
    expect(left.op === 9 && left.keys.map(text)).to.deep.equal(["leased/a"]);
    expect(left.op === 9 && left.remainingMs).to.be.within(1, 60_000);
    const list = await client.one(leaseListRequest(id(), 0));
    expect(list.op === 10 && list.leases.map((one) => one.lease)).to.include(lease);
    const kept = await client.one(leaseKeepAliveRequest(id(), 0, [lease, 999_999]));
    expect(kept).to.deep.include({ op: 8, ttlsMs: [60_000, 0] });
    const revoked = await client.one(leaseRevokeRequest(id(), 0, lease));
    expect(revoked).to.deep.include({ op: 7, deleted: 1 });
    expect((await range("leased/")).entries.map(({ key }) => text(key))).to.deep.equal(["leased/b"]);
    for (const request of [
      leaseRevokeRequest(id(), 0, lease),
      leaseTimeToLiveRequest(id(), 0, lease, false),
      putRequest(id(), 0, bytes("leased/c"), bytes("v"), lease),
    ]) {
      const refused = await client.one(request);
      expect(refused).to.deep.include({ op: 0, code: "LEASE_NOT_FOUND", lease, retryable: false });
    }
  });

  it("a lease that nobody keeps alive ends in log time, with nothing else being written (F5)", async () => {
    const granted = await client.one(leaseGrantRequest(id(), 0, 50));
    await put("short", "v", granted.op === 6 ? granted.lease : 0);
    await until("the key is gone", async () => ((await range("short")).entries.length === 0 ? true : null));
    expect(await client.one(leaseGrantRequest(id(), 0, 1))).to.deep.include({ code: "INVALID_ARGUMENT" });
  });

  it("compacts: reads below the floor are refused with it, reads at it work (S8)", async () => {
    await put("old", "one");
    const second = await put("old", "two");
    const floor = second.op === 1 ? second.revision : 0;
    expect(await client.one(compactRequest(id(), 0, floor))).to.deep.include({ op: 14, floor });
    const at = await client.one(getRequest(id(), 0, bytes("old"), true, floor));
    expect(at.op === 2 && at.value?.toString()).to.equal("two");
    const compacted = { op: 0, code: "COMPACTED", floor, retryable: false };
    const below = { ...EVERYTHING, range: singleKey(bytes("old")), linearizable: true, revision: floor - 1 };
    for (const request of [
      getRequest(id(), 0, bytes("old"), false, floor - 1),
      rangeRequest(id(), 0, below),
      compactRequest(id(), 0, floor),
    ]) {
      expect(await client.one(request)).to.deep.include(compacted);
    }
    const ahead = await client.one(compactRequest(id(), 0, floor + 1_000));
    expect(ahead).to.deep.include({ code: "FUTURE_REVISION", revision: floor });
  });

  it("changes the catalog from the version that was read, and refuses another one with it", async () => {
    const before = await client.one(catalogRequest(id(), 0));
    if (before.op !== 15) throw new Error("the catalog is read");
    const [route] = before.routes;
    const { routeId = 0, groupId = 0 } = route ?? {};
    const split = [
      { routeId, start: bytes(""), end: bytes("m"), groupId },
      { routeId: 0, start: bytes("m"), end: null, groupId },
    ];
    const changed = await client.one(catalogChangeRequest(id(), 0, before.version, split));
    expect(changed).to.deep.include({ op: 16, version: before.version + 1 });
    const again = await client.one(catalogChangeRequest(id(), 0, before.version, split));
    const { version } = changed.op === 16 ? changed : { version: 0 };
    expect(again).to.deep.include({ op: 0, code: "CATALOG_VERSION_CONFLICT", version });
    const gap = await client.one(catalogChangeRequest(id(), 0, version, split.slice(1)));
    expect(gap).to.deep.include({ op: 0, code: "INVALID_ARGUMENT" });
  });
});
