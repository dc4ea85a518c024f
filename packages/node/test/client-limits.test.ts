import { connect } from "node:net";
import type { Socket } from "node:net";
import { expect } from "chai";
import { CLOSE_PROTOCOL_ERROR, CLOSE_TRY_LATER, getRequest } from "@raftkv/protocol";
import { metric } from "./support/metric.js";
import { TestNodes, until } from "./support/nodes.js";
import { RawClient } from "./support/raw-client.js";

const FRAME_BYTES = 64 * 1024;

/** The TCP socket under a WebSocket. */
function under(client: RawClient): Socket {
  return (client.socket as unknown as { readonly _socket: Socket })._socket;
}

describe("what strangers may take of a node (C7)", () => {
  let nodes: TestNodes;
  let endpoint: string;
  const open: { close(): void }[] = [];

  before(async () => {
    nodes = await TestNodes.create(1, {
      maxKeyBytes: "16",
      maxValueBytes: "1KiB",
      maxFrameBytes: String(FRAME_BYTES),
      maxConnections: "60",
      maxWaitingConnections: "3",
      maxHttpRequests: "2",
      maxPartialBytes: "1MiB",
      handshakeTimeoutMs: "1000",
      clientSilenceMs: "1000",
    });
    await nodes.startAll();
    await nodes.leader();
    endpoint = nodes.endpoint("n1");
  });
  after(() => nodes.close());
  afterEach(async () => {
    for (const one of open.splice(0)) one.close();
    await until("all are gone", async () => ((await clients()) === 0 ? true : null));
  });

  const clients = (): Promise<number> => metric(endpoint, "raftkv_client_connections");
  const cut = (): Promise<number> => metric(endpoint, "raftkv_connections_cut_total");

  async function greeted(): Promise<RawClient> {
    const client = await RawClient.greeted(endpoint);
    open.push(client);
    return client;
  }

  /** What the node sends to a plain socket, until it ends the connection. */
  async function answerTo(bytes: string): Promise<string> {
    const { socket, said } = plain();
    socket.write(bytes);
    return said;
  }

  function plain(): { readonly socket: Socket; readonly said: Promise<string> } {
    const { host, port } = nodes.option("n1").listenClient;
    const socket = connect(port, host);
    open.push({ close: () => socket.destroy() });
    let text = "";
    socket.on("error", () => undefined);
    socket.on("data", (data) => (text += data.toString("latin1")));
    return { socket, said: new Promise((resolve) => socket.once("close", () => resolve(text))) };
  }

  it("a connection that sends nothing, or no end of a head, is answered with 408 and cut", async () => {
    expect(await plain().said).to.match(/^HTTP\/1\.1 408 /);
    expect(await answerTo("GET /metrics HTTP/1.1\r\n")).to.match(/^HTTP\/1\.1 408 /);
  });

  it("what is no HTTP is answered with 400 and cut", async () => {
    expect(await answerTo("\u0000\u0001\u0002 nothing\r\n\r\n")).to.match(/^HTTP\/1\.1 400 /);
  });

  it("a client without a hello is cut, and so is one that pings without end", async () => {
    const silent = await RawClient.open(endpoint);
    expect(await silent.closed).to.deep.equal({
      code: CLOSE_PROTOCOL_ERROR,
      reason: "no hello came in time",
    });
    const pinging = await greeted();
    for (let i = 0; i < 5_000; i += 1) pinging.socket.ping();
    expect((await pinging.closed).code).to.equal(CLOSE_PROTOCOL_ERROR);
  });

  it("a client that answers no ping is cut, one that does stays", async () => {
    const stays = await greeted();
    const before = await cut();
    const halfOpen = await greeted();
    under(halfOpen).pause();
    await until("it is cut", async () => ((await cut()) === before + 1 ? true : null));
    const reply = await stays.one(getRequest(1, 0, Buffer.from("k"), true));
    expect(reply.op).to.equal(2);
  });

  it("of those who are no clients yet the oldest gives way, and a client comes through", async () => {
    const ended: number[] = [];
    const waiting = [0, 1, 2].map((at) => {
      const one = plain();
      one.socket.once("close", () => ended.push(at));
      return one;
    });
    await Promise.all(
      waiting.map(({ socket }) => new Promise<void>((resolve) => socket.once("connect", () => resolve()))),
    );
    await greeted();
    await waiting[0]?.said;
    expect(ended[0]).to.equal(0);
  });

  it("an HTTP request too many is refused with 503, and those whose socket is gone count no more", async () => {
    const ask = "GET /v1/status?hash=true HTTP/1.1\r\nhost: n1\r\n\r\n";
    for (let i = 0; i < 5; i += 1) {
      const { socket, said } = plain();
      await new Promise<void>((resolve) => socket.write(ask.repeat(2), () => resolve()));
      socket.destroy();
      await said;
    }
    await until("both places are free again", async () => {
      return (await fetch(`http://${endpoint}/v1/status`)).status === 200 ? true : null;
    });
    // A probe is answered among them: an orchestrator would end a node that is only busy.
    const probe = "GET /health HTTP/1.1\r\nhost: n1\r\n\r\n";
    const text = await answerTo(ask.repeat(2) + probe + ask.repeat(6));
    expect(text.match(/^HTTP\/1\.1 200 /gm)?.length).to.equal(3);
    expect(text.match(/^HTTP\/1\.1 503 /gm)?.length).to.be.at.least(1);
  });

  it("frames that do not become whole cost bounded memory: those that hold most are cut", async () => {
    const before = await cut();
    const part = Buffer.alloc(FRAME_BYTES - 4_096);
    // The head of a masked frame of 64 KiB - 1, and less than that.
    const head = Buffer.from([0x82, 0xfe, 0xff, 0xff, 0, 0, 0, 0]);
    for (let i = 0; i < 40; i += 1) under(await greeted()).write(Buffer.concat([head, part]));
    const most = 40 - Math.floor((1024 * 1024) / part.length);
    await until("enough are cut", async () => ((await cut()) - before >= most ? true : null));
  });

  it("idle clients that answer pings have no frame that is not whole, however long they are idle", async () => {
    const before = await cut();
    const idle = await greeted();
    // As many bytes as months of answers are.
    for (let at = 0; at < 20_000; at += 1) idle.socket.pong(Buffer.alloc(100));
    const looks = await greeted();
    await until("they were read, and looked at several times", async () => {
      const pinged = new Promise((resolve) => looks.socket.once("ping", resolve));
      await pinged;
      return under(idle).writableLength === 0 ? true : null;
    });
    expect((await idle.one(getRequest(1, 0, Buffer.from("k"), true))).op).to.equal(2);
    expect(await cut()).to.equal(before);
  });

  it("one client more than --max-connections is told to come later, also when both came before either said hello", async () => {
    while ((await clients()) < 59) await greeted();
    const [first, second] = [await RawClient.open(endpoint), await RawClient.open(endpoint)];
    open.push(first, second);
    expect((await first.hello(null)).accepted).to.equal(true);
    second.hello(null).catch(() => undefined);
    expect((await second.closed).code).to.equal(CLOSE_TRY_LATER);
  });
});
