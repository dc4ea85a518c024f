import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

/** A way to an address on which everything takes `delayMs` longer, in each direction. */
export class SlowLink {
  readonly address: string;
  readonly #close: () => Promise<void>;

  private constructor(address: string, close: () => Promise<void>) {
    this.address = address;
    this.#close = close;
  }

  static async to(target: string, delayMs: number): Promise<SlowLink> {
    const [host, port] = target.split(":");
    const sockets = new Set<Socket>();
    const pipe = (from: Socket, into: Socket): void => {
      from.setNoDelay(true);
      sockets.add(from);
      from.on("data", (data) => setTimeout(() => into.write(data), delayMs));
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
    return new SlowLink(`127.0.0.1:${(server.address() as AddressInfo).port}`, async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    });
  }

  close(): Promise<void> {
    return this.#close();
  }
}
