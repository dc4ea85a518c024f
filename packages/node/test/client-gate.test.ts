import { expect } from "chai";
import { connect } from "node:net";
import { CLIENT_PATH, CLOSE_PROTOCOL_ERROR, CLOSE_REFUSED, getRequest, putRequest } from "@raftkv/protocol";
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
      maxUnreadBytes: "64KiB",
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

  /** Asks for an upgrade and resets the connection at once, so that the node writes to a socket that is gone. */
  async function askAndReset(path: string): Promise<void> {
    const { host, port } = nodes.option("n1").listenClient;
    const socket = connect(port, host);
    socket.on("error", () => undefined);
    await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
    const head = ["connection: Upgrade", "upgrade: websocket", "sec-websocket-version: 13"];
    const key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
    socket.write([`GET ${path} HTTP/1.1`, "host: n1", ...head, key, "", ""].join("\r\n"));
    socket.resetAndDestroy();
    await new Promise<void>((resolve) => socket.once("close", () => resolve()));
  }

  it("lives on when a client resets its connection while it is being refused (C6)", async () => {
    for (let i = 0; i < 20; i += 1) await askAndReset("/wrong");
    const open = await Promise.all([1, 2, 3].map(() => RawClient.greeted(endpoint)));
    for (let i = 0; i < 20; i += 1) await askAndReset(CLIENT_PATH);
    // An error of a socket that nobody listens to would have ended this process by the time of the answer.
    const replies = await open[0]?.ask([getRequest(1, 0, Buffer.from("k"), false)]);
    expect(replies?.get(1)?.op).to.equal(2);
    for (const client of open) client.close();
    await Promise.all(open.map((client) => client.closed));
  });

  it("refuses gets whose values would not fit into the bound of unread replies, and keeps the connection (C7)", async () => {
    const client = await RawClient.greeted(endpoint);
    await client.ask([putRequest(1, 0, Buffer.from("k"), Buffer.alloc(1024))]);
    const gets = Array.from({ length: 2_000 }, (_, i) => getRequest(i + 2, 0, Buffer.from("k"), i % 2 === 0));
    const replies = [...(await client.ask(gets)).values()];
    const served = replies.filter((reply) => reply.op === 2);
    const refused = replies.filter((reply) => reply.op === 0);
    expect(served.length).to.be.within(32, 1_000);
    expect(new Set(refused.map((reply) => reply.code))).to.deep.equal(new Set(["OVERLOADED"]));
    const later = await client.ask([getRequest(9_000, 0, Buffer.from("k"), true)]);
    expect(later.get(9_000)?.op, "once they are read there is room again").to.equal(2);
    client.close();
    await client.closed;
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
    expect(status["stateHash"])
      .to.match(/^[0-9a-f]{64}$/)
      .and.not.equal(status["hash"]);
    expect(status["stateHashIndex"]).to.equal(status["appliedIndex"]);
    const metrics = await (await get("/metrics")).text();
    expect(metrics).to.match(/^raftkv_fsm_sync_mode\{mode="nosync",node="n1"\} 1$/m);
    expect(metrics).to.match(/^raftkv_wal_fsyncs_total\{node="n1"\} [1-9]/m);
    const missing = await get("/nothing");
    expect(missing.status).to.equal(404);
    expect(await missing.text()).to.contain("/v1/status");
    expect((await fetch(`http://${endpoint}/health`, { method: "POST" })).status).to.equal(405);
    const checkpoint = `http://${endpoint}/v1/admin/checkpoint`;
    expect((await fetch(checkpoint)).status).to.equal(405);
    const fromPage = await fetch(checkpoint, { method: "POST", headers: { origin: "http://evil.test" } });
    expect(fromPage.status).to.equal(403);
    const made = await fetch(checkpoint, { method: "POST" });
    expect(made.status).to.equal(200);
    expect(await made.json()).to.have.all.keys("index", "tookMs");
  });
});
