import {
  CLIENT_PATH,
  PROTOCOL_VERSION_MAX,
  PROTOCOL_VERSION_MIN,
  REPLY_ERROR,
  decodeHelloAnswer,
  decodeNodeFrame,
  encodeHello,
  encodeRequests,
} from "@raftkv/protocol";
import type { ErrorReply, Reply, SessionPlace, WireRequest } from "@raftkv/protocol";
import { WebSocket } from "ws";

const RETRY_MS = 10;
/** A node that is still there but answers nothing. */
const SILENCE_MS_MAX = 60_000;

/** One connection to one node. */
class WireConnection {
  readonly #socket: WebSocket;
  /** By request number; the same number may be under way twice. */
  readonly #waiting = new Map<number, ((reply: Reply | null) => void)[]>();
  #closed = false;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => {
      const frame = decodeNodeFrame(data as Buffer);
      if (frame.kind !== "replies") return;
      for (const reply of frame.replies) this.#waiting.get(reply.requestId)?.shift()?.(reply);
    });
    socket.once("close", () => {
      this.#closed = true;
      for (const waiting of this.#waiting.values()) for (const tell of waiting) tell(null);
      this.#waiting.clear();
    });
  }

  /** Null when the node does not take it. */
  static open(endpoint: string): Promise<WireConnection | null> {
    const socket = new WebSocket(`ws://${endpoint}${CLIENT_PATH}`, { perMessageDeflate: false });
    return new Promise((resolve) => {
      socket.on("error", () => undefined);
      socket.once("close", () => resolve(null));
      socket.once("open", () => {
        const versions = { versionMin: PROTOCOL_VERSION_MIN, versionMax: PROTOCOL_VERSION_MAX };
        socket.send(encodeHello({ ...versions, clusterId: null, clientName: "power-loss" }));
      });
      socket.once("message", (data) => {
        if (decodeHelloAnswer(data as Buffer).accepted) resolve(new WireConnection(socket));
        else socket.terminate();
      });
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Null: the connection ended before an answer came. */
  send(request: WireRequest, session: SessionPlace | null): Promise<Reply | null> {
    if (this.#closed) return Promise.resolve(null);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.close(), SILENCE_MS_MAX);
      const waiting = this.#waiting.get(request[0]) ?? [];
      waiting.push((reply) => {
        clearTimeout(timer);
        resolve(reply);
      });
      this.#waiting.set(request[0], waiting);
      this.#socket.send(encodeRequests([request], session));
    });
  }

  close(): void {
    this.#socket.terminate();
  }
}

/**
 * The client protocol by hand. What was sent is not sent again unless a node said that nothing was done: so a test decides
 * which number goes out twice.
 */
export class Wire {
  readonly #endpoints: readonly string[];
  readonly #connections = new Map<string, Promise<WireConnection | null>>();
  #leader: string | null = null;
  #turn = 0;
  #lastId = 0;
  #closed = false;

  constructor(endpoints: readonly string[]) {
    this.#endpoints = endpoints;
  }

  /** A number for a request that is in no session. */
  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** Sends to whoever leads. Null: there was no answer, and nobody knows whether it was carried out. */
  async send(request: WireRequest, session: SessionPlace | null = null): Promise<Reply | null> {
    while (!this.#closed) {
      const endpoint = this.#leader ?? this.#next();
      const connection = await this.#connectionTo(endpoint);
      if (connection !== null) {
        const reply = await connection.send(request, session);
        if (reply === null || !isForAnother(reply)) return reply;
        this.#leader = reply.leader?.address ?? null;
        if (this.#leader !== null) continue;
      } else this.#leader = null;
      await delay(RETRY_MS);
    }
    return null;
  }

  /** Sends to one node, whatever it is. Null: no answer. */
  async sendTo(endpoint: string, request: WireRequest, session: SessionPlace | null): Promise<Reply | null> {
    const connection = await this.#connectionTo(endpoint);
    return connection === null ? null : connection.send(request, session);
  }

  close(): void {
    this.#closed = true;
    for (const opening of this.#connections.values()) void opening.then((connection) => connection?.close());
  }

  #next(): string {
    this.#turn += 1;
    return this.#endpoints[this.#turn % this.#endpoints.length] as string;
  }

  async #connectionTo(endpoint: string): Promise<WireConnection | null> {
    const known = await this.#connections.get(endpoint);
    if (known !== undefined && known !== null && !known.closed) return known;
    if (this.#closed) return null;
    const opening = WireConnection.open(endpoint);
    this.#connections.set(endpoint, opening);
    const connection = await opening;
    if (this.#closed) connection?.close();
    return connection;
  }
}

/** Nothing was done, and the same may succeed elsewhere or later. */
function isForAnother(reply: Reply): reply is ErrorReply {
  return (
    reply.op === REPLY_ERROR &&
    (reply.code === "NOT_LEADER" || reply.code === "UNAVAILABLE" || reply.code === "OVERLOADED")
  );
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
