import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

/** What becomes of something that a node answers: `cut` loses it together with the connection, `swallow` says nothing. */
export type Fate = "deliver" | "cut" | "swallow";

/** The upgrade and the hello are a client's first two messages; before its third there is nothing to answer. */
const HANDSHAKE_MESSAGES = 2;

/** A way to a node's client address on which requests get through and answers may not. */
export class LossyLink {
  readonly address: string;
  readonly #close: () => Promise<void>;

  private constructor(address: string, close: () => Promise<void>) {
    this.address = address;
    this.#close = close;
  }

  /** @param fate is asked for each piece that the node sends, once the client has sent a request. */
  static async to(target: string, fate: (answers: boolean) => Fate): Promise<LossyLink> {
    const [host, port] = target.split(":");
    const sockets = new Set<Socket>();
    const server = createServer((client) => {
      const node = connect(Number(port), host);
      const ends = [client, node];
      const cut = (): void => ends.forEach((end) => end.destroy());
      let sent = 0;
      // From where a piece is missing the stream is of no use any more.
      let torn = false;
      client.on("data", (data) => {
        sent += 1;
        node.write(data);
      });
      node.on("data", (data) => {
        const its = fate(sent > HANDSHAKE_MESSAGES);
        if (its === "swallow") torn = true;
        else if (its === "cut" || torn) cut();
        else client.write(data);
      });
      for (const end of ends) {
        end.setNoDelay(true);
        sockets.add(end);
        end.on("error", () => {});
        end.on("close", () => {
          sockets.delete(end);
          cut();
        });
      }
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new LossyLink(`127.0.0.1:${(server.address() as AddressInfo).port}`, async () => {
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
