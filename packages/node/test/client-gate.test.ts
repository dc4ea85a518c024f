import { expect } from "chai";
import { CLOSE_PROTOCOL_ERROR, CLOSE_REFUSED, getRequest, putRequest } from "@raftkv/protocol";
import { TestNodes } from "./support/nodes.js";
import { RawClient } from "./support/raw-client.js";

describe("the client address (C6, C7)", () => {
  let nodes: TestNodes;
  let endpoint: string;

  before(async () => {
    nodes = await TestNodes.create(1, {
      maxKeyBytes: "16",
      maxValueBytes: "1KiB",
      maxConnections: "3",
      maxFrameBytes: "64KiB",
    });
    await nodes.startAll();
    await nodes.leader();
    endpoint = nodes.endpoint("n1");
  });
  after(() => nodes.close());

  it("cuts a connection that begins with garbage, and serves the next one", async () => {
    const client = await RawClient.open(endpoint);
    client.socket.send(Buffer.from("GET / HTTP/1.0"));
    expect((await client.closed).code).to.equal(CLOSE_PROTOCOL_ERROR);
    const next = await RawClient.greeted(endpoint);
    expect((await next.ask([getRequest(1, 0, Buffer.from("k"), true)])).size).to.equal(1);
    next.close();
    await next.closed;
  });

  it("cuts a connection whose frame cannot be decoded", async () => {
    const client = await RawClient.greeted(endpoint);
    client.socket.send(Buffer.from([0xc1, 0xff, 0x00]));
    expect((await client.closed).code).to.equal(CLOSE_PROTOCOL_ERROR);
  });

  it("cuts a connection whose frame is too large", async () => {
    const client = await RawClient.greeted(endpoint);
    client.socket.send(Buffer.alloc(70 * 1024));
    expect((await client.closed).code).to.be.oneOf([1009, 1006]);
  });

  it("refuses an oversized key or value alone, naming the limit", async () => {
    const client = await RawClient.greeted(endpoint);
    const replies = await client.ask([
      putRequest(1, 0, Buffer.alloc(17), Buffer.from("v")),
      putRequest(2, 0, Buffer.from("k"), Buffer.alloc(1025)),
      putRequest(3, 0, Buffer.from("k"), Buffer.alloc(1024)),
    ]);
    expect(replies.get(1)).to.deep.include({ op: 0, code: "TOO_LARGE", limit: 16, retryable: false });
    expect(replies.get(2)).to.deep.include({ op: 0, code: "TOO_LARGE", limit: 1024, retryable: false });
    expect(replies.get(3)).to.deep.include({ op: 1 });
    client.close();
    await client.closed;
  });

  it("refuses a client of another cluster, naming both", async () => {
    const client = await RawClient.open(endpoint);
    const answer = await client.hello("another");
    expect(answer.accepted).to.equal(false);
    if (!answer.accepted) expect(answer.error.message).to.contain("another");
    expect((await client.closed).code).to.equal(CLOSE_REFUSED);
  });

  it("refuses one connection more than --max-connections", async () => {
    const open = await Promise.all([1, 2, 3].map(() => RawClient.greeted(endpoint)));
    let refusal = "";
    try {
      await RawClient.open(endpoint);
    } catch (error) {
      refusal = (error as Error).message;
    }
    expect(refusal).to.contain("503");
    for (const client of open) client.close();
    await Promise.all(open.map((client) => client.closed));
  });

  it("answers HTTP: health, readiness, status, metrics, and says what there is for the rest", async () => {
    const get = (path: string): Promise<Response> => fetch(`http://${endpoint}${path}`);
    expect((await get("/health")).status).to.equal(200);
    expect((await get("/ready")).status).to.equal(200);
    const status = (await (await get("/v1/status?hash=true")).json()) as Record<string, unknown>;
    expect(status).to.deep.include({
      name: "n1",
      role: "leader",
      leader: "n1",
      fsmSyncMode: "nosync",
      pid: process.pid,
    });
    expect(status["hash"]).to.match(/^[0-9a-f]{64}$/);
    const metrics = await (await get("/metrics")).text();
    expect(metrics).to.match(/^raftkv_fsm_sync_mode\{mode="nosync",node="n1"\} 1$/m);
    expect(metrics).to.match(/^raftkv_wal_fsyncs_total\{node="n1"\} [1-9]/m);
    const missing = await get("/nothing");
    expect(missing.status).to.equal(404);
    expect(await missing.text()).to.contain("/v1/status");
    expect((await fetch(`http://${endpoint}/health`, { method: "POST" })).status).to.equal(405);
  });
});
