import { assert } from "chai";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { until } from "../harness/until.js";
import { Network } from "./network.js";

/** A node that hears, and says nothing. */
class Listener {
  readonly sockets: Socket[] = [];
  text = "";
  readonly #server: Server = createServer((socket) => {
    this.sockets.push(socket);
    socket.on("error", () => {});
    socket.setEncoding("latin1").on("data", (text: string) => (this.text += text));
  });

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  hears(text: string): Promise<true> {
    return until(`"${text}" arrives`, async () => (this.text.endsWith(text) ? true : null));
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
  }
}

const head = (name: string): string =>
  `GET /v1/peer HTTP/1.1\r\nHost: 127.0.0.1\r\nX-RaftKV-Member: ${name}\r\nUpgrade: websocket\r\n\r\n`;

describe("the network of a cluster whose members change", () => {
  let listeners: Record<string, Listener>;
  let network: Network;
  let strangers: string[];
  let dialled: Socket[];

  beforeEach(async () => {
    listeners = {};
    dialled = [];
    strangers = [];
    network = new Network((what) => strangers.push(what));
    for (const name of ["n1", "n2", "n3"]) await add(name, null);
  });

  afterEach(async () => {
    for (const socket of dialled) socket.destroy();
    await network.close();
    for (const listener of Object.values(listeners)) listener.close();
  });

  async function add(name: string, beside: string | null): Promise<void> {
    const listener = new Listener();
    listeners[name] = listener;
    const address = await listener.listen();
    await network.add(name, { client: address, peer: address }, beside);
  }

  function dial(to: string): Socket {
    const socket = connect(Number(network.peerAddress(to).split(":")[1]), "127.0.0.1");
    socket.on("error", () => {});
    dialled.push(socket);
    return socket;
  }

  function heard(name: string): Listener {
    return listeners[name] as Listener;
  }

  it("finds the two whose way a connection is by the head of its request, in however many pieces, and passes all of it on", async () => {
    network.setPeer("n2", "n1", { cut: true });
    const cut = dial("n1");
    const open = dial("n1");
    cut.write(`${head("n2")}held`);
    for (const piece of [head("n3").slice(0, 40), head("n3").slice(40), "passes"]) {
      open.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await heard("n1").hears(`${head("n3")}passes`);
    assert.notInclude(heard("n1").text, "held");
    network.heal({ dropHeld: false });
    await heard("n1").hears(`${head("n2")}held`);
    assert.deepEqual(strangers, []);
  });

  it("cuts one direction between two, whoever of them dialled", async () => {
    const there = dial("n1");
    there.write(head("n2"));
    await heard("n1").hears(head("n2"));
    const back = dial("n2");
    let text = "";
    back.setEncoding("latin1").on("data", (more: string) => (text += more));
    back.write(head("n1"));
    await heard("n2").hears(head("n1"));
    network.setPeer("n2", "n1", { cut: true });
    there.write("held");
    heard("n2").sockets[0]?.write("held");
    back.write("passes");
    await heard("n2").hears("passes");
    assert.isFalse(heard("n1").text.endsWith("held"));
    assert.equal(text, "");
    network.heal({ dropHeld: false });
    await heard("n1").hears("held");
    await until("what waited arrives", async () => (text === "held" ? true : null));
  });

  it("cuts a new node off from those from whom the one is cut off beside which it stands", async () => {
    for (const [from, to] of [
      ["n2", "n1"],
      ["n1", "n2"],
    ] as const)
      network.setPeer(from, to, { cut: true });
    await add("n4", "n2");
    const cut = dial("n1");
    const open = dial("n3");
    const within = dial("n2");
    cut.write(head("n4"));
    open.write(head("n4"));
    within.write(head("n4"));
    await heard("n3").hears(head("n4"));
    await heard("n2").hears(head("n4"));
    assert.equal(heard("n1").text, "");
  });

  it("lets nobody pass who names no node, and says so", async () => {
    for (const first of [head("n9"), head("n1"), "GET / HTTP/1.1\r\n\r\n", "x".repeat(10_000)]) {
      const before = strangers.length;
      const socket = dial("n1");
      socket.write(first);
      await once(socket, "close");
      assert.equal(strangers.length, before + 1, first);
    }
    assert.equal(heard("n1").text, "");
  });
});
