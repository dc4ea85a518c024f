import type { ServerResponse } from "node:http";
import { Writable } from "node:stream";
import { expect } from "chai";
import { putRequest } from "@raftkv/protocol";
import type { SnapshotReader } from "@raftkv/store";
import { Bandwidth } from "../dist/snapshot/bandwidth.js";
import { sendSaved } from "../dist/snapshot/save.js";
import { TestNodes, until } from "./support/nodes.js";
import { RawClient } from "./support/raw-client.js";

const CHUNKS = 40;

/** Takes one chunk at a time, and each a turn later. */
class SlowReader extends Writable {
  listenersMax = 0;

  constructor() {
    super({ highWaterMark: 1 });
  }

  writeHead(): this {
    return this;
  }

  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    setImmediate(() => {
      this.listenersMax = Math.max(
        this.listenersMax,
        ...["close", "drain", "error"].map((name) => this.listenerCount(name)),
      );
      done();
    });
  }
}

describe("snapshots that are saved (C7)", function () {
  this.timeout(30_000);

  it("of a reader that is waited for often nothing piles up", async () => {
    const reader = {
      chunk: async (number: number) => (number < CHUNKS ? Buffer.alloc(8) : null),
      release: () => undefined,
      close: async () => undefined,
    };
    const response = new SlowReader();
    await sendSaved(
      {
        about: { clusterId: "c", node: "n1", version: "1", savedAt: "" },
        reader: reader as unknown as SnapshotReader,
        bandwidth: new Bandwidth(1e9),
        idleMs: 10_000,
      },
      response as unknown as ServerResponse,
    );
    expect(response.listenersMax).to.be.within(1, 4);
  });

  it("are as many at one time as --max-snapshot-saves says, each of which keeps memory and disk; another is told so", async () => {
    const nodes = await TestNodes.create(1, { snapshotBytesPerSecond: "64KiB", maxSnapshotSaves: "1" });
    const first = new AbortController();
    const second = new AbortController();
    try {
      await nodes.startAll();
      await nodes.leader();
      const endpoint = nodes.endpoint("n1");
      const client = await RawClient.greeted(endpoint);
      const value = Buffer.alloc(128 * 1024);
      expect((await client.one(putRequest(1, 0, Buffer.from("k"), value, 0, false))).op).to.equal(1);
      client.close();
      const url = `http://${endpoint}/v1/snapshot`;
      expect((await fetch(url, { signal: first.signal })).status).to.equal(200);
      const refused = await fetch(url);
      expect(refused.status).to.equal(503);
      expect(await refused.text()).to.contain("as many snapshots as it may");
      first.abort();
      await until("there is room again", async () =>
        (await fetch(url, { signal: second.signal })).status === 200 ? true : null,
      );
    } finally {
      second.abort();
      await nodes.close();
    }
  });
});
