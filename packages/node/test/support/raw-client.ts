import { WebSocket } from "ws";
import {
  CLIENT_PATH,
  PROTOCOL_VERSION_MAX,
  PROTOCOL_VERSION_MIN,
  decodeHelloAnswer,
  decodeNodeFrame,
  encodeHello,
  encodeRequests,
} from "@raftkv/protocol";
import type { Reply, SessionPlace, Welcome, WireRequest } from "@raftkv/protocol";

/** The client protocol by hand: what a client library would hide is visible here. */
export class RawClient {
  readonly socket: WebSocket;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly frames: Buffer[] = [];
  #wake: (() => void) | null = null;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data) => {
      this.frames.push(data as Buffer);
      this.#wake?.();
    });
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        resolve({ code, reason: reason.toString() });
        this.#wake?.();
      });
    });
  }

  static async open(endpoint: string): Promise<RawClient> {
    const socket = new WebSocket(`ws://${endpoint}${CLIENT_PATH}`, { perMessageDeflate: false });
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", () => resolve());
      socket.once("error", reject);
    });
    return client;
  }

  static async greeted(endpoint: string): Promise<RawClient> {
    const client = await RawClient.open(endpoint);
    const answer = await client.hello(null);
    if (!answer.accepted) throw new Error("the node refused");
    return client;
  }

  async hello(clusterId: string | null): Promise<ReturnType<typeof decodeHelloAnswer>> {
    const versionMin = PROTOCOL_VERSION_MIN;
    const versionMax = PROTOCOL_VERSION_MAX;
    this.socket.send(encodeHello({ versionMin, versionMax, clusterId, clientName: "test" }));
    return decodeHelloAnswer(await this.next());
  }

  /** Sends one frame and returns the replies to it, whatever their order. */
  async ask(
    requests: readonly WireRequest[],
    session: SessionPlace | null = null,
  ): Promise<Map<number, Reply>> {
    this.socket.send(encodeRequests(requests, session));
    const replies = new Map<number, Reply>();
    while (replies.size < requests.length) {
      const frame = decodeNodeFrame(await this.next());
      if (frame.kind === "replies") for (const reply of frame.replies) replies.set(reply.requestId, reply);
    }
    return replies;
  }

  /** Sends one request and returns its reply. */
  async one(request: WireRequest, session: SessionPlace | null = null): Promise<Reply> {
    return (await this.ask([request], session)).get(request[0]) as Reply;
  }

  async next(): Promise<Buffer> {
    for (;;) {
      const frame = this.frames.shift();
      if (frame !== undefined) return frame;
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error("the connection is closed");
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.socket.terminate();
  }
}

export type { Welcome };
