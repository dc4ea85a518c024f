import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import {
  CLIENT_PATH,
  CLOSE_PROTOCOL_ERROR,
  CLOSE_REFUSED,
  DEFAULT_LIMITS,
  Op,
  ProtocolError,
  answerHello,
  decodeClientFrame,
  decodeHello,
  deleteReply,
  encodeLeaderNotice,
  encodeReplies,
  errorReply,
  getReply,
  putReply,
} from "@raftkv/protocol";
import type {
  ClientRequest,
  ErrorCode,
  Hello,
  LeaderHint,
  Limits,
  ReplyFacts,
  SessionPlace,
  WireReply,
} from "@raftkv/protocol";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";

/** Where a request came from. */
export interface Origin {
  readonly session: SessionPlace | null;
  /** Tells connections apart. */
  readonly connection: object;
  /** Sends to the connection that it came over: behind the replies to its frame, or later. */
  readonly send: (frame: Buffer) => void;
}

/** What the node does with a request: a reply, or null to keep silent. */
export type Script = (request: ClientRequest, node: FakeNode, origin: Origin) => WireReply | null;

export interface FakeNodeOptions {
  readonly name?: string;
  readonly clusterId?: string;
  readonly leader?: LeaderHint | null;
  readonly limits?: Partial<Limits>;
  readonly script?: Script;
  /** What is sent instead of an answer to the hello. */
  readonly answer?: (hello: Hello) => Buffer | string | null;
  /** 0, the default, takes any free one. */
  readonly port?: number;
}

interface SeenFrame {
  readonly session: SessionPlace | null;
  readonly requests: readonly ClientRequest[];
}

/** A scripted node over real sockets: it speaks the protocol, and does what the test says. */
export class FakeNode {
  readonly name: string;
  readonly clusterId: string;
  leader: LeaderHint | null;
  script: Script;
  /** Frames in the order in which they came. */
  readonly frames: SeenFrame[] = [];
  /** Hellos in the order in which they came. */
  readonly hellos: Hello[] = [];
  /** TCP connections that were ever made. */
  dialled = 0;
  pings = 0;
  readonly #limits: Limits;
  readonly #answer: FakeNodeOptions["answer"];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #clients = new Set<WebSocket>();

  private constructor(options: FakeNodeOptions) {
    this.name = options.name ?? "n1";
    this.clusterId = options.clusterId ?? "cluster-a";
    this.leader = options.leader ?? null;
    this.script = options.script ?? (() => null);
    this.#answer = options.answer;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#server = createServer();
    this.#server.on("connection", (socket) => {
      this.dialled += 1;
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    const upgrades = new WebSocketServer({
      server: this.#server,
      path: CLIENT_PATH,
      perMessageDeflate: false,
    });
    upgrades.on("connection", (client) => this.#serve(client));
  }

  static async start(options: FakeNodeOptions = {}): Promise<FakeNode> {
    const node = new FakeNode(options);
    node.#server.listen(options.port ?? 0, "127.0.0.1");
    await once(node.#server, "listening");
    running.add(node);
    return node;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Requests in the order in which they came. */
  get requests(): ClientRequest[] {
    return this.frames.flatMap((frame) => frame.requests);
  }

  /** Connections that are open now. */
  get connected(): number {
    return this.#clients.size;
  }

  asLeader(term: number): LeaderHint {
    return { name: this.name, address: this.address, term };
  }

  notice(leader: LeaderHint | null): void {
    for (const client of this.#clients) client.send(encodeLeaderNotice(leader));
  }

  sendReplies(replies: readonly WireReply[]): void {
    for (const frame of encodeReplies(replies, this.#limits.frameBytes)) this.sendToAll(frame);
  }

  sendToAll(bytes: Buffer | string): void {
    for (const client of this.#clients) client.send(bytes);
  }

  /** As a kill -9 of the node's process does it to its sockets. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Stops reading and answering, with the sockets left open, as SIGSTOP does. */
  freeze(): void {
    for (const socket of this.#sockets) socket.pause();
  }

  /** Starts the closing handshake on every connection. */
  goAway(): void {
    for (const client of this.#clients) client.close(1001, "shutting down");
  }

  async stop(): Promise<void> {
    running.delete(this);
    const closed = once(this.#server, "close");
    this.#server.close();
    this.cut();
    await closed;
  }

  #serve(client: WebSocket): void {
    let greeted = false;
    client.on("error", () => {});
    client.on("close", () => this.#clients.delete(client));
    client.on("ping", () => {
      this.pings += 1;
    });
    client.on("message", (data) => {
      const bytes = data as Buffer;
      if (greeted) this.#work(client, bytes);
      else greeted = this.#greet(client, bytes);
    });
  }

  #greet(client: WebSocket, bytes: Buffer): boolean {
    const hello = decodeHello(bytes);
    this.hellos.push(hello);
    if (this.#answer !== undefined) {
      const instead = this.#answer(hello);
      if (instead !== null) client.send(instead);
      return true;
    }
    const { clusterId, name: nodeName, leader } = this;
    const { answer, bytes: reply } = answerHello(hello, {
      clusterId,
      nodeName,
      leader,
      limits: this.#limits,
      members: [],
    });
    client.send(reply);
    if (answer.accepted) this.#clients.add(client);
    else client.close(CLOSE_REFUSED);
    return answer.accepted;
  }

  #work(client: WebSocket, bytes: Buffer): void {
    const replies: WireReply[] = [];
    let later: Buffer[] | null = [];
    const send = (frame: Buffer): void => {
      if (later === null) client.send(frame);
      else later.push(frame);
    };
    try {
      const frame = decodeClientFrame(bytes, this.#limits);
      this.frames.push({ session: frame.session, requests: frame.requests });
      for (const { requestId, code, message, limit } of frame.refused) {
        replies.push(errorReply(requestId, { code, message, retryable: false }, { limit }));
      }
      for (const request of frame.requests) {
        const reply = this.script(request, this, { session: frame.session, connection: client, send });
        if (reply !== null) replies.push(reply);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      client.close(CLOSE_PROTOCOL_ERROR, error.message.slice(0, 100));
      return;
    }
    for (const reply of encodeReplies(replies, this.#limits.frameBytes)) client.send(reply);
    for (const frame of later) client.send(frame);
    later = null;
  }
}

const running = new Set<FakeNode>();

/** For an `afterEach`: nothing of one test is left for the next. */
export async function stopFakeNodes(): Promise<void> {
  await Promise.all([...running].map((node) => node.stop()));
}

export function refusal(
  request: ClientRequest,
  code: Exclude<ErrorCode, "CLOSED">,
  facts: ReplyFacts & { readonly retryable?: boolean } = {},
): WireReply {
  const { retryable = true, ...rest } = facts;
  return errorReply(request.requestId, { code, message: `refused with ${code}`, retryable }, rest);
}

/** A node that leads, and keeps its keys in memory. */
export function servingScript(): Script {
  const keys = new Map<
    string,
    { value: Buffer; createRevision: number; modRevision: number; version: number; lease: number }
  >();
  let revision = 0;
  return (request) => {
    const isWritten = request.op === Op.put || request.op === Op.get || request.op === Op.delete;
    if (!isWritten) return refusal(request, "INVALID_ARGUMENT", { retryable: false });
    const name = keyOf(request).toString("hex");
    const found = keys.get(name);
    if (request.op === Op.get) return getReply(request.requestId, revision, found ?? null);
    if (request.op === Op.delete) {
      if (keys.delete(name)) revision += 1;
      return deleteReply(request.requestId, revision, found === undefined ? 0 : 1);
    }
    revision += 1;
    keys.set(name, {
      value: Buffer.from(request.value),
      createRevision: found?.createRevision ?? revision,
      modRevision: revision,
      version: (found?.version ?? 0) + 1,
      lease: request.lease,
    });
    return putReply(request.requestId, revision);
  };
}

/** A node that follows: it refuses what only the leader takes, with its hint. */
export function followingScript(gets: Script | null = null): Script {
  return (request, node, origin) => {
    if (gets !== null && request.op === Op.get) return gets(request, node, origin);
    return refusal(request, "NOT_LEADER", { leader: node.leader });
  };
}

/** The key of a request that has one. */
export function keyOf(request: ClientRequest): Buffer {
  const key = "key" in request ? request.key : "range" in request ? request.range.start : null;
  if (key === null) throw new Error(`operation ${request.op} has no key`);
  return Buffer.from(key);
}
