import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { getRequest, putRequest } from "@raftkv/protocol";
import type { NodeStatus } from "@raftkv/node";
import { metric } from "./support/metric.js";
import { TestNodes, until } from "./support/nodes.js";
import { RawClient } from "./support/raw-client.js";

interface Tables {
  getSync(key: Buffer): Buffer | undefined;
  batch(): {
    put(key: Buffer, value: Buffer): void;
    write(options: { readonly sync: true }): Promise<void>;
  };
  close(): Promise<void>;
}

interface TablesModule {
  readonly SortedTables: {
    open(location: string, options: object, fileSystem: unknown): Promise<Tables>;
  };
}

/** The store's own modules, which it does not export. */
function storeModule<Module>(path: string): Promise<Module> {
  return import(new URL(`../../store/dist/${path}`, import.meta.url).href) as Promise<Module>;
}

/** Changes the last byte of a short value behind the back of the node, which is stopped. No checksum tells it. */
async function tamper(dataDir: string, key: string): Promise<void> {
  const { SortedTables } = await storeModule<TablesModule>("tables/sorted-tables.js");
  const { nodeFileSystem } = await storeModule<{ readonly nodeFileSystem: unknown }>("file-system.js");
  const group = join(dataDir, "groups", "1");
  const store = readdirSync(group).find((name) => name.startsWith("store-")) ?? "";
  const options = { create: false, writeBufferBytes: 1_000_000 };
  const tables = await SortedTables.open(join(group, store, "tables"), options, nodeFileSystem);
  const latest = Buffer.from(`L${key}`);
  const record = tables.getSync(latest) ?? Buffer.alloc(0);
  record[record.length - 1] = (record.at(-1) ?? 0) ^ 1;
  const batch = tables.batch();
  batch.put(latest, record);
  await batch.write({ sync: true });
  await tables.close();
}

async function statusOf(endpoint: string): Promise<NodeStatus> {
  return (await (await fetch(`http://${endpoint}/v1/status`)).json()) as NodeStatus;
}

describe("replicas are compared in the background (promise 4)", function () {
  this.timeout(60_000);
  let nodes: TestNodes;
  const settings = { hashCheckIntervalMs: "100", hashCheckPercent: "100" };

  afterEach(() => nodes.close());

  async function started(count: number, witnesses = 0): Promise<void> {
    nodes = await TestNodes.create(count, settings, witnesses);
    await nodes.startAll();
    await nodes.leader();
  }

  async function put(count: number): Promise<void> {
    const client = await RawClient.greeted(nodes.endpoint((await nodes.leader()).name));
    const requests = Array.from({ length: count }, (_, at) =>
      putRequest(at + 1, 0, Buffer.from(`key ${at}`), Buffer.from(`value ${at}`), 0, false),
    );
    for (const [id, reply] of await client.ask(requests)) expect(reply, `put ${id}`).to.include({ op: 1 });
    client.close();
  }

  const compared = (name: string, above: number): Promise<number> =>
    until(`${name} was compared`, async () => {
      const { hashComparedIndex } = await statusOf(nodes.endpoint(name));
      return hashComparedIndex > above ? hashComparedIndex : null;
    });

  it("one that differs stops for good and says so everywhere; the others serve on and name it; it never comes back", async () => {
    await started(3);
    await put(500);
    for (const name of ["n1", "n2", "n3"]) await compared(name, 0);
    for (const status of await nodes.statuses()) {
      expect(status).to.include({ hashAlarm: null, failure: null });
      expect(await metric(nodes.endpoint(status.name), "raftkv_hash_differs")).to.equal(0);
    }
    const bad = (await nodes.leader()).name;
    const good = ["n1", "n2", "n3"].filter((name) => name !== bad);
    await nodes.stop(bad);
    await tamper(nodes.option(bad).dataDir, "key 77");
    await nodes.start(bad);

    const expectStopped = async (): Promise<void> => {
      const status = await until(`${bad} knows that it differs`, async () => {
        const now = await statusOf(nodes.endpoint(bad));
        return now.failure === null ? null : now;
      });
      expect(status).to.include({ role: "failed", leader: null });
      expect(status.failure?.code).to.equal("REPLICA_DIFFERS");
      expect(status.failure?.message).to.contain(good.join(", ")).and.to.contain("must be replaced");
      for (const path of ["/ready", "/health"]) {
        const response = await fetch(`http://${nodes.endpoint(bad)}${path}`);
        expect(response.status, path).to.equal(503);
        expect(await response.json(), path).to.include({ code: "REPLICA_DIFFERS" });
      }
      expect(await metric(nodes.endpoint(bad), "raftkv_failed")).to.equal(1);
      expect(await metric(nodes.endpoint(bad), "raftkv_hash_differs")).to.equal(1);
      const client = await RawClient.greeted(nodes.endpoint(bad));
      const reply = await client.one(getRequest(1, 0, Buffer.from("key 77"), false, 0));
      expect(reply, "serializable reads too").to.include({ op: 0, code: "UNAVAILABLE", retryable: true });
      client.close();
    };
    await expectStopped();
    expect(existsSync(join(nodes.option(bad).dataDir, "quarantine.json"))).to.equal(true);
    for (const name of good) {
      const status = await until(`${name} knows of it`, async () => {
        const now = await statusOf(nodes.endpoint(name));
        return now.hashAlarm === null ? null : now;
      });
      expect(status).to.include({ hashAlarm: `${bad} differs from the majority`, failure: null });
      expect(await metric(nodes.endpoint(name), "raftkv_hash_differs")).to.equal(1);
    }
    await until("the others have a leader", async () =>
      (await nodes.statuses()).some(({ role }) => role === "leader") ? true : null,
    );
    await put(10);

    await nodes.stop(bad);
    await nodes.start(bad);
    await expectStopped();
    const { lastIndex } = await nodes.leader();
    await nodes.stop(good[0] ?? "");
    await until("the last one leads no more: the wrong one votes for nobody", async () =>
      (await nodes.statuses()).some(({ role }) => role === "leader") ? null : true,
    );
    expect((await statusOf(nodes.endpoint(bad))).lastIndex).to.be.at.most(lastIndex);
  });

  it("two that differ cannot tell who is wrong: both say so, and serve on (a witness has no say, R24)", async () => {
    await started(3, 1);
    await put(100);
    await compared("n1", 0);
    await nodes.stop("n2");
    await tamper(nodes.option("n2").dataDir, "key 5");
    await nodes.start("n2");
    for (const name of ["n1", "n2"]) {
      const status = await until(`${name} raises the alarm`, async () => {
        const now = await statusOf(nodes.endpoint(name));
        return now.hashAlarm === null ? null : now;
      });
      expect(status.failure).to.equal(null);
      expect(status.hashAlarm).to.match(
        /differ at index \d+, and no majority says yet which is right: n1 .*, n2 /,
      );
    }
    expect(await statusOf(nodes.endpoint("n3"))).to.include({ hashAlarm: null, hashComparedIndex: 0 });
    await put(10);
  });

  it("goes on while writes come in", async () => {
    await started(3);
    let index = 0;
    for (let round = 0; round < 2; round += 1) {
      await put(300);
      index = await compared("n2", index);
    }
    for (const status of await nodes.statuses())
      expect(status).to.include({ hashAlarm: null, failure: null });
  });
});
