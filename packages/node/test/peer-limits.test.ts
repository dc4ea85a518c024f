import { connect } from "node:net";
import type { Socket } from "node:net";
import { expect } from "chai";
import { LOG_FORMAT } from "@raftkv/fsm";
import {
  CLIENT_PATH,
  PEER_HELLO_BYTES_MAX,
  PEER_PATH,
  PEER_VERSION_MAX,
  PEER_VERSION_MIN,
  PROTOCOL_VERSION_MAX,
  PROTOCOL_VERSION_MIN,
  encodeHello,
  encodePeerHello,
  withHead,
} from "@raftkv/protocol";
import { metric } from "./support/metric.js";
import { TestNodes, until } from "./support/nodes.js";

/** A frame of a client (RFC 6455, 5.2) that is announced with so many bytes. */
function beginOfFrame(bytes: number): Buffer {
  const head = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(bytes, 6);
  return head;
}

/** A connection of somebody who answers nothing, not even a goodbye. */
class Stranger {
  text = "";
  /** The node has ended it. */
  isOver = false;
  readonly #socket: Socket;

  constructor(host: string, port: number) {
    this.#socket = connect({ host, port, allowHalfOpen: true });
    this.#socket.on("error", () => (this.isOver = true));
    this.#socket.on("end", () => (this.isOver = true));
    this.#socket.on("close", () => (this.isOver = true));
    this.#socket.on("data", (data) => (this.text += data.toString("latin1")));
  }

  write(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  async upgraded(path: string): Promise<this> {
    const head = ["connection: Upgrade", "upgrade: websocket", "sec-websocket-version: 13"];
    const key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
    this.write([`GET ${path} HTTP/1.1`, "host: n1", ...head, key, "", ""].join("\r\n"));
    await until("the upgrade is answered", () => (this.text.startsWith("HTTP/1.1 101 ") ? true : null));
    return this;
  }

  close(): void {
    this.#socket.destroy();
  }
}

describe("what strangers may take of a node at its peer address (C7)", function () {
  this.timeout(60_000);
  let nodes: TestNodes;
  const settings = { maxWaitingPeers: "16", handshakeTimeoutMs: "3000" };
  const open: Stranger[] = [];

  async function start(more: Readonly<Record<string, string>>): Promise<void> {
    nodes = await TestNodes.create(1, { ...settings, ...more });
    await nodes.startAll();
    await nodes.leader();
  }

  before(() => start({}));
  after(() => nodes.close());
  afterEach(async () => {
    for (const stranger of open.splice(0)) stranger.close();
    await until("all are gone", async () => ((await waiting()) === 0 ? true : null));
  });

  const figure = (name: string): Promise<number> =>
    metric(nodes.endpoint("n1"), `raftkv_peer_connections_${name}`);
  const waiting = (): Promise<number> => figure("waiting");

  function stranger(of: "listenPeer" | "listenClient" = "listenPeer"): Stranger {
    const { host, port } = nodes.option("n1")[of];
    const one = new Stranger(host, port);
    open.push(one);
    return one;
  }

  const over = (one: Stranger): Promise<boolean> =>
    until("the node has ended it", () => (one.isOver ? true : null));

  it("a connection that sends nothing, or is upgraded and says no hello, is cut", async () => {
    const cutBefore = await figure("cut_total");
    const silent = stranger();
    const upgraded = await stranger().upgraded(PEER_PATH);
    await over(silent);
    expect(silent.text).to.match(/^HTTP\/1\.1 408 /);
    await over(upgraded);
    expect(await figure("cut_total")).to.equal(cutBefore + 1);
  });

  it("of too many that have said no hello the oldest gives way", async () => {
    const first = await stranger().upgraded(PEER_PATH);
    const refusedBefore = await figure("refused_total");
    const others = await Promise.all(Array.from({ length: 16 }, () => stranger().upgraded(PEER_PATH)));
    await over(first);
    expect(await figure("refused_total")).to.be.at.least(refusedBefore + 1);
    expect(others.length).to.equal(16);
  });

  it("a hello that is too large is cut before it is whole: what is kept of it is bounded", async () => {
    await nodes.close();
    // Its time would cut it as well.
    await start({ handshakeTimeoutMs: "3600000" });
    const one = await stranger().upgraded(PEER_PATH);
    const cutBefore = await figure("cut_total");
    one.write(Buffer.concat([beginOfFrame(1024 * 1024), Buffer.alloc(PEER_HELLO_BYTES_MAX)]));
    await over(one);
    expect(await figure("cut_total")).to.equal(cutBefore + 1);
  });

  it("who is refused at the hello is gone soon, whether or not it says goodbye", async () => {
    const peer = await stranger().upgraded(PEER_PATH);
    const refusedBefore = await figure("refused_total");
    const hello = {
      versionMin: PEER_VERSION_MIN,
      versionMax: PEER_VERSION_MAX,
      to: "n9",
      lane: "bulk",
      clusterId: null,
      name: "n2",
      serverId: "0123456789abcdef",
      advertisePeer: "127.0.0.1:1",
      advertiseClient: "127.0.0.1:2",
      members: [],
      membersIndex: 0,
      restored: null,
      logFormat: LOG_FORMAT,
    } as const;
    peer.write(withHead(encodePeerHello(hello), true));
    const client = await stranger("listenClient").upgraded(CLIENT_PATH);
    const versions = { versionMin: PROTOCOL_VERSION_MIN, versionMax: PROTOCOL_VERSION_MAX };
    client.write(withHead(encodeHello({ ...versions, clusterId: "another", clientName: "test" }), true));
    await over(peer);
    await over(client);
    expect(peer.text).to.contain("WRONG_NODE");
    expect(client.text).to.contain("another");
    expect(await figure("refused_total")).to.equal(refusedBefore + 1);
  });

  it("is told by HTTP that this is no address for it, however often it asks", async () => {
    const { host, port } = nodes.option("n1").listenPeer;
    for (let i = 0; i < 40; i += 1) {
      const response = await fetch(`http://${host}:${port}/health`);
      expect(response.status).to.equal(421);
      await response.text();
    }
  });
});
