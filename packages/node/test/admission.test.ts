import { expect } from "chai";
import { putRequest } from "@raftkv/protocol";
import { metric } from "./support/metric.js";
import { TestNodes, until } from "./support/nodes.js";
import { RawClient } from "./support/raw-client.js";

const VALUE = Buffer.alloc(1_000, "v");
const put = (id: number, deadlineMs: number) => putRequest(id, deadlineMs, Buffer.from("k"), VALUE);

describe("admission of writes by bytes (C2)", () => {
  let nodes: TestNodes;
  let leader: string;

  async function start(electionTimeoutMs: string): Promise<void> {
    nodes = await TestNodes.create(3, {
      appendInflightBytes: "1",
      maxKeyBytes: "16",
      maxValueBytes: "1KiB",
      electionTimeoutMs,
    });
    await nodes.startAll();
    leader = (await nodes.leader()).name;
  }

  async function stopFollowers(): Promise<string[]> {
    const followers = nodes.options.map(({ name }) => name).filter((name) => name !== leader);
    await Promise.all(followers.map((name) => nodes.stop(name)));
    return followers;
  }

  const gauge = (name: string): Promise<number> => metric(nodes.endpoint(leader), `raftkv_append_${name}`);
  const untilGauge = (name: string, value: number): Promise<true> =>
    until(`${name} is ${value}`, async () => ((await gauge(name)) === value ? true : null));

  afterEach(() => nodes.close());

  it("raises a budget that is too small to the largest write, and all who wait come through in turn", async () => {
    await start("500");
    expect(await gauge("inflight_bytes_limit")).to.be.within(1_040, 1_300);
    const client = await RawClient.greeted(nodes.endpoint(leader));
    const replies = await client.ask(Array.from({ length: 200 }, (_, i) => put(i + 1, 0)));
    const revisions = [...replies]
      .sort(([a], [b]) => a - b)
      .map(([, reply]) => reply.op === 1 && reply.revision);
    expect(revisions, "first come first served").to.deep.equal(Array.from({ length: 200 }, (_, i) => i + 2));
    expect([await gauge("inflight_bytes"), await gauge("waiting")]).to.deep.equal([0, 0]);
    client.close();
  });

  it("refuses who waited until its deadline with OVERLOADED and a time to come again; what is in flight stays", async () => {
    await start("2000");
    const followers = await stopFollowers();
    const [holds, waits] = await Promise.all([1, 2].map(() => RawClient.greeted(nodes.endpoint(leader))));
    const first = holds?.ask([put(1, 60_000)]);
    await until("the first is in flight", async () =>
      (await gauge("inflight_bytes")) > 1_000 ? true : null,
    );
    const reply = (await waits?.ask([put(2, 200)]))?.get(2);
    expect(reply).to.deep.include({ op: 0, code: "OVERLOADED", retryable: true });
    expect(reply?.op === 0 && reply.retryAfterMs).to.be.greaterThan(0);
    expect(await gauge("waiting")).to.equal(0);
    await nodes.start(followers[0] ?? "");
    expect((await first)?.get(1)).to.deep.include({ op: 1, revision: 2 });
    await untilGauge("inflight_bytes", 0);
    holds?.close();
    waits?.close();
  });

  it("drops what a client that is gone had waiting, and keeps its place for nobody", async () => {
    await start("2000");
    const followers = await stopFollowers();
    const [holds, leaves] = await Promise.all([1, 2].map(() => RawClient.greeted(nodes.endpoint(leader))));
    const first = holds?.ask([put(1, 60_000)]);
    await until("the first is in flight", async () =>
      (await gauge("inflight_bytes")) > 1_000 ? true : null,
    );
    const abandoned = leaves?.ask([put(2, 60_000), put(3, 60_000)]).catch(() => "cut");
    await untilGauge("waiting", 2);
    leaves?.close();
    await untilGauge("waiting", 0);
    expect(await abandoned).to.equal("cut");
    await nodes.start(followers[0] ?? "");
    await first;
    expect((await nodes.running.get(leader)?.status())?.revision, "they were not carried out").to.equal(2);
    holds?.close();
  });

  it("a leader that steps down lets nobody wait, and has every permit back (C1)", async () => {
    await start("500");
    await stopFollowers();
    const client = await RawClient.greeted(nodes.endpoint(leader));
    const replies = await client.ask([put(1, 3_000), put(2, 60_000)]);
    const codes = [...replies].sort(([a], [b]) => a - b).map(([, reply]) => reply.op === 0 && reply.code);
    expect(codes).to.deep.equal(["OUTCOME_UNKNOWN", "UNAVAILABLE"]);
    await untilGauge("inflight_bytes", 0);
    client.close();
  });
});
