import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

/** A way to an address on which everything takes `delayMs` longer, in each direction. */
export class SlowLink {
  #address = "";
  #close: () => Promise<void> = () => Promise.resolve();
  /** What came while nothing is let through, in its order. */
  readonly #held: (() => void)[] = [];
  #isHolding = false;

  get address(): string {
    return this.#address;
  }

  /** Nothing gets through, in either direction, until `release`. */
  hold(): void {
    this.#isHolding = true;
  }

  release(): void {
    this.#isHolding = false;
    for (const go of this.#held.splice(0)) go();
  }

  #pass(go: () => void): void {
    if (this.#isHolding) this.#held.push(go);
    else go();
  }

  static async to(target: string, delayMs: number): Promise<SlowLink> {
    const [host, port] = target.split(":");
    const sockets = new Set<Socket>();
    const link = new SlowLink();
    const pipe = (from: Socket, into: Socket): void => {
      from.setNoDelay(true);
      sockets.add(from);
      from.on("data", (data) => setTimeout(() => link.#pass(() => into.write(data)), delayMs));
      from.on("error", () => {});
      from.on("close", () => {
        sockets.delete(from);
        into.destroy();
      });
    };
    const server = createServer((inner) => {
      const outer = connect(Number(port), host);
      pipe(inner, outer);
      pipe(outer, inner);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    link.#address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    link.#close = async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    };
    return link;
  }

  close(): Promise<void> {
    return this.#close();
  }
}
