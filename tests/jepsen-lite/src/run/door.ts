import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { PEER_NAME_HEADER } from "@raftkv/protocol";

/** An upgrade request is far shorter. */
const HEAD_BYTES_MAX = 8 * 1024;
const HEAD_END = "\r\n\r\n";
const NAME = new RegExp(`^${PEER_NAME_HEADER}:[ \\t]*(\\S+)[ \\t]*$`, "im");

/** An address in somebody's place: gives each connection to whoever knows its way. */
export class Door {
  readonly address: string;
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  private constructor(server: Server, take: (inner: Socket) => void) {
    this.#server = server;
    this.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("connection", (inner) => {
      this.#open.add(inner);
      inner.on("close", () => this.#open.delete(inner));
      inner.on("error", () => {});
      take(inner);
    });
  }

  static async open(take: (inner: Socket) => void): Promise<Door> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Door(server, take);
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const inner of this.#open) inner.destroy();
    await closed;
  }
}

/** What becomes of a connection whose sender is to be known first. */
export interface Reception {
  /** All its bytes are still to be read. */
  readonly onSender: (name: string) => void;
  readonly onStranger: (why: string) => void;
}

/**
 * All members find a node at one address, since the log names one for each. So who dials is told by what comes first: the head of the
 * upgrade request names the sender.
 */
export function readSender(inner: Socket, { onSender, onStranger }: Reception): void {
  let head = Buffer.alloc(0);
  const onData = (data: Buffer): void => {
    head = Buffer.concat([head, data]);
    const end = head.indexOf(HEAD_END);
    if (end < 0 && head.length < HEAD_BYTES_MAX) return;
    inner.off("data", onData);
    inner.pause();
    const name = end < 0 ? undefined : NAME.exec(head.toString("latin1", 0, end))?.[1];
    if (name === undefined) {
      onStranger(`begins with ${JSON.stringify(head.toString("latin1", 0, 60))}`);
      return;
    }
    inner.unshift(head);
    onSender(name);
  };
  inner.on("data", onData);
}
