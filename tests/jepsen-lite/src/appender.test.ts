import { RaftKvError, connect, put } from "@raftkv/client";
import type { Appender, Client, ErrorCode } from "@raftkv/client";
import { expect } from "chai";
import { TestCluster } from "./harness/cluster.js";
import { SlowLink } from "./harness/slow-link.js";
import { until } from "./harness/until.js";

async function codeOf(promise: Promise<unknown>): Promise<ErrorCode | null> {
  try {
    await promise;
    return null;
  } catch (error) {
    if (error instanceof RaftKvError) return error.code;
    throw error;
  }
}

/** What was appended to `key`, batch by batch: every value that it has ever had. */
async function valuesOf(client: Client, key: string): Promise<string[]> {
  const now = await client.get(key);
  const values: string[] = [];
  for (let kv = now; kv !== null;) {
    values.push(kv.text());
    kv = kv.version === 1 ? null : await client.get(key, { revision: kv.modRevision - 1 });
  }
  return values.toReversed();
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i));

describe("an appender at a real cluster (C3, C4)", function () {
  this.timeout(120_000);
  let cluster: TestCluster;
  let client: Client;

  before(async () => {
    cluster = await TestCluster.start();
    await cluster.leader();
    client = await connect({ endpoints: cluster.endpoints });
  });
  after(async () => {
    await client?.close();
    await cluster?.stop();
  });

  it("closed before the first append: everything fails with CLOSED", async () => {
    const appender = client.appender();
    await appender.close();
    expect(await codeOf(appender.append([put("before", "0")]))).to.equal("CLOSED");
    expect(await client.get("before")).to.equal(null);
  });

  it("closed after appends: all have their answers and their callbacks have run", async () => {
    const appender = client.appender({ pipelineSize: 4 });
    let told = 0;
    for (const i of numbers(10)) await appender.append([put("after", i)], () => (told += 1));
    await appender.close();
    expect(told).to.equal(10);
    expect(await valuesOf(client, "after")).to.deep.equal(numbers(10));
  });

  it("closed while appends wait: what was accepted is done, the rest was never sent", async () => {
    const appender = client.appender({ pipelineSize: 2 });
    const appended = numbers(20).map((i) => codeOf(appender.append([put("during", i)])));
    await appender.close();
    const codes = await Promise.all(appended);
    const done = codes.filter((code) => code === null).length;
    expect(codes).to.deep.equal([
      ...Array<null>(done).fill(null),
      ...Array<string>(20 - done).fill("CLOSED"),
    ]);
    expect(await valuesOf(client, "during")).to.deep.equal(numbers(done));
  });

  it("closed inside a callback: it does not wait for itself", async () => {
    const appender = client.appender();
    const closed = new Promise<void>((resolve, reject) => {
      const callback = (): Promise<void> => appender.close().then(resolve, reject);
      appender.append([put("inside", "0")], callback).catch(reject);
    });
    await closed;
    expect(await codeOf(appender.append([put("inside", "1")]))).to.equal("CLOSED");
  });

  it("an append inside a callback with a full pipeline does not deadlock", async () => {
    const appender = client.appender({ pipelineSize: 1 });
    const told: string[] = [];
    const inner = (depth: number) => async (): Promise<void> => {
      told.push(String(depth));
      if (depth < 5) await appender.append([put("nested", String(depth + 1))], inner(depth + 1));
    };
    const outer = ["a", "b", "c"].map((name) => appender.append([put("outer", name)], () => told.push(name)));
    await appender.append([put("nested", "0")], inner(0));
    await Promise.all(outer);
    await until("all were told", async () => (told.length === 9 ? true : null));
    expect(await valuesOf(client, "nested")).to.deep.equal(numbers(6));
  });

  it("several callers: each one's order holds", async () => {
    const appender = client.appender({ pipelineSize: 8 });
    const caller = async (name: string): Promise<void> => {
      for (const i of numbers(50)) await appender.append([put(name, i)], () => {});
    };
    const callers = ["caller-a", "caller-b", "caller-c"];
    await Promise.all(callers.map(caller));
    await appender.flush();
    for (const name of callers) expect(await valuesOf(client, name)).to.deep.equal(numbers(50));
  });

  it("a slow callback: an append times out, nothing of it is sent, and the stream goes on", async () => {
    const appender = client.appender({ pipelineSize: 1 });
    let wake = (): void => {};
    const asleep = new Promise<void>((resolve) => {
      wake = resolve;
    });
    await appender.append([put("slow", "0")], () => asleep);
    await appender.append([put("slow", "1")], () => {});
    const late = appender.append([put("slow", "late")], () => {}, { timeoutMs: 100 });
    expect(await codeOf(late)).to.equal("TIMEOUT");
    wake();
    await appender.append([put("slow", "2")]);
    expect(await valuesOf(client, "slow")).to.deep.equal(numbers(3));
  });

  it("callbacks run in the order of the appends, one at a time", async () => {
    const appender = client.appender({ pipelineSize: 16 });
    const told: number[] = [];
    let running = 0;
    for (const i of numbers(200)) {
      await appender.append([put(`order-${i}`, i)], async () => {
        running += 1;
        expect(running).to.equal(1);
        await new Promise((resolve) => setImmediate(resolve));
        told.push(Number(i));
        running -= 1;
      });
    }
    await appender.flush();
    expect(told).to.deep.equal(numbers(200).map(Number));
  });

  it("a pipeline of 8 has 8 batches under way, over a connection on which nothing comes back for a while", async () => {
    const link = await SlowLink.to(cluster.endpoint((await cluster.leader()).name), 5);
    const slow = await connect({ endpoints: [link.address], silenceTimeoutMs: 60_000 });
    try {
      const appender: Appender = slow.appender({ pipelineSize: 8 });
      await appender.append([put("pipeline", "0")]);
      link.hold();
      const accepted: number[] = [];
      const appended = numbers(12).map(async (i) => {
        await appender.append([put("pipeline", String(Number(i) + 1))], () => {});
        accepted.push(Number(i));
      });
      await Promise.all(appended.slice(0, 8));
      expect(accepted).to.deep.equal(numbers(8).map(Number));
      link.release();
      await Promise.all(appended);
      await appender.close();
      expect(await valuesOf(client, "pipeline")).to.deep.equal(numbers(13));
    } finally {
      await slow.close();
      await link.close();
    }
  });

  it("after one failure nothing that was submitted behind it slips through (F3)", async () => {
    const appender = client.appender({ pipelineSize: 8 });
    const codes = await Promise.all(
      numbers(10).map((i) => codeOf(appender.append([put("slip", i, i === "3" ? { lease: 999_999 } : {})]))),
    );
    expect(codes).to.deep.equal([null, null, null, "LEASE_NOT_FOUND", ...Array<string>(6).fill("CLOSED")]);
    expect(await valuesOf(client, "slip")).to.deep.equal(numbers(3));
  });

  it("the leader killed under it, twice: no loss, no repetition, no reordering", async () => {
    const appender = client.appender({ pipelineSize: 8 });
    const errors: string[] = [];
    let told = 0;
    let killed: string | null = null;
    for (const i of numbers(600)) {
      await appender.append([put("killed", i)], (_, error) => {
        told += 1;
        if (error !== null) errors.push(error.message);
      });
      if (i === "200" || i === "400") {
        if (killed !== null) await cluster.startNodes([killed]);
        killed = (await cluster.leader()).name;
        cluster.kill([killed]);
      }
    }
    await appender.flush();
    expect(errors).to.deep.equal([]);
    expect(told).to.equal(600);
    expect(await valuesOf(client, "killed")).to.deep.equal(numbers(600));
  });
});
