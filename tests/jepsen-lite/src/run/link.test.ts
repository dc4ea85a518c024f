import { assert } from "chai";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { until } from "../harness/until.js";
import { Door } from "./door.js";
import { Link } from "./link.js";

/** What one end has heard. */
class Heard {
  text = "";
  isClosed = false;

  readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("utf8").on("data", (text: string) => (this.text += text));
    socket.on("error", () => {});
    socket.on("close", () => (this.isClosed = true));
  }

  says(expected: string): Promise<true> {
    return until(`"${expected}" arrives`, async () => (this.text === expected ? true : null));
  }

  closed(): Promise<true> {
    return until("the connection closes", async () => (this.isClosed ? true : null));
  }
}

describe("a link", () => {
  let server: Server;
  let door: Door;
  let link: Link;
  let near: Heard;
  let far: Heard;

  beforeEach(async () => {
    server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    link = new Link(`127.0.0.1:${(server.address() as AddressInfo).port}`);
    door = await Door.open((inner) => link.take(inner));
    const accepted = once(server, "connection");
    const socket = connect(Number(door.address.split(":")[1]), "127.0.0.1");
    near = new Heard(socket);
    far = new Heard(((await accepted) as [Socket])[0]);
  });

  afterEach(async () => {
    near.socket.destroy();
    far.socket.destroy();
    await door.close();
    server.close();
  });

  it("passes bytes in both directions, in their order", async () => {
    near.socket.write("one");
    near.socket.write("two");
    far.socket.write("three");
    await Promise.all([far.says("onetwo"), near.says("three")]);
  });

  it("that is cut one way passes nothing there, and everything back; what waited comes late", async () => {
    link.set("there", { cut: true });
    near.socket.write("held");
    far.socket.write("passes");
    await near.says("passes");
    assert.equal(far.text, "");
    link.set("there", { cut: false });
    await far.says("held");
  });

  it("that is cut does not tell that a connection has ended", async () => {
    link.set("there", { cut: true });
    near.socket.write("last");
    near.socket.end();
    far.socket.write("passes");
    await near.says("passes");
    assert.isFalse(far.isClosed);
    link.set("there", { cut: false });
    await far.says("last");
    await far.closed();
  });

  it("breaks those connections alone on which something waits", async () => {
    link.drop({ onlyHolding: true });
    near.socket.write("still");
    await far.says("still");
    link.set("there", { cut: true });
    near.socket.write("held");
    far.socket.write("seen");
    await near.says("seen");
    await until("the link holds it", async () => {
      link.drop({ onlyHolding: true });
      return near.isClosed ? true : null;
    });
    await far.closed();
    assert.equal(far.text, "still");
  });

  it("that is slow keeps the order", async () => {
    link.set("there", { delayMs: 20, bytesPerSecond: 10_000 });
    for (const text of ["a", "b", "c"]) near.socket.write(text);
    await far.says("abc");
  });
});
