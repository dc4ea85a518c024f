import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import { CLIENT_PATH, CLOSE_GOING_AWAY, encodeMembersNotice } from "@raftkv/protocol";
import type { LeaderHint, MemberAddress } from "@raftkv/protocol";
import { Door, remoteOf } from "../door.js";
import { openFilesMax, withinFiles } from "../file-limit.js";
import type { HostPort } from "../host-port.js";
import { listen } from "../listen.js";
import { refuseUpgrade } from "../refuse-upgrade.js";
import { RepeatedLines } from "../repeated-lines.js";
import type { Logger } from "../logger.js";
import type { ClientTraffic } from "../metrics/client-traffic.js";
import { ClientConnection } from "./connection.js";
import type { ConnectionHost } from "./connection.js";
import { FairShare } from "./fair-share.js";
import type { KeyValueService } from "./key-value-service.js";
import { ReadTurns } from "./read-turns.js";
import { Watchman } from "./watchman.js";

/** How long clients have to take their last replies when the node stops. */
const GOODBYE_MS = 1_000;
/** A machine that vanished is found out by its kernel's silence, also while nobody looks at the connection. */
const KEEPALIVE_MS = 15_000;
/** How often all connections are looked at. */
const LOOK_MS = 250;

/** What strangers may take of this node; each is a knob (C7). */
export interface ClientListenerLimits {
  readonly connections: number;
  readonly waitingConnections: number;
  readonly httpRequests: number;
  readonly handshakeMs: number;
  readonly silenceMs: number;
  readonly inflightRequests: number;
  readonly inflightBytes: number;
  readonly unreadBytes: number;
  readonly allUnreadBytes: number;
  readonly partialBytes: number;
}

export interface ClientListenerOptions {
  readonly listen: HostPort;
  readonly limits: ClientListenerLimits;
  readonly logRepeatMs: number;
  readonly service: KeyValueService;
  readonly logger: Logger;
  readonly traffic: ClientTraffic;
  /** Plain HTTP on the same address. */
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
}

/** The client address: the client protocol over WebSocket, and HTTP for people, probes and Prometheus. */
export class ClientListener {
  readonly #options: ClientListenerOptions;
  readonly #http: Server;
  readonly #sockets: WebSocketServer;
  readonly #door: Door;
  readonly #lines: RepeatedLines;
  readonly #host: ConnectionHost;
  readonly #watchman: Watchman;
  readonly #connections = new Set<ClientConnection>();
  readonly #greeted = new Set<ClientConnection>();
  #toFlush: ClientConnection[] = [];
  #flushScheduled = false;
  #looker: NodeJS.Timeout | null = null;
  #cut = 0;
  #refused = 0;

  constructor(options: ClientListenerOptions) {
    const limits = withinFiles(options.limits, openFilesMax());
    this.#options = { ...options, limits };
    const { logger, logRepeatMs, onRequest, service } = options;
    if (limits !== options.limits) {
      const { connections, httpRequests, waitingConnections } = limits;
      logger.warn(
        { connections, waitingConnections, httpRequests },
        `--max-connections is lowered to ${connections}: this process may not have more files open (ulimit -Hn)`,
      );
    }
    this.#lines = new RepeatedLines(logger, logRepeatMs);
    this.#door = new Door({
      who: "clients",
      handshakeMs: limits.handshakeMs,
      waitingMax: limits.waitingConnections,
      requestsMax: limits.httpRequests,
      unreadMs: limits.silenceMs,
      lines: this.#lines,
      onTurnedAway: () => (this.#refused += 1),
      onRequest,
    });
    this.#watchman = new Watchman(
      {
        silenceMs: limits.silenceMs,
        allUnreadBytesMax: limits.allUnreadBytes,
        partialBytesMax: limits.partialBytes,
      },
      this.#connections,
    );
    this.#host = this.#hostOf(service);
    this.#http = createServer(
      {
        keepAlive: true,
        keepAliveInitialDelay: KEEPALIVE_MS,
        connectionsCheckingInterval: Math.max(50, limits.handshakeMs >> 2),
      },
      this.#door.request,
    );
    this.#door.guard(this.#http);
    this.#sockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      autoPong: false,
      maxPayload: service.limits.frameBytes,
    });
    this.#http.on("upgrade", (request, socket, head) => this.#upgrade(request, socket as Socket, head));
  }

  get connections(): number {
    return this.#greeted.size;
  }

  get waiting(): number {
    return this.#door.waiting;
  }

  /** Connections of clients that were cut for what they did. */
  get cut(): number {
    return this.#cut;
  }

  /** Connections that were not let in, and HTTP requests that were not answered. */
  get refused(): number {
    return this.#refused;
  }

  async listen(): Promise<void> {
    await listen(this.#http, this.#options.listen);
    this.#looker = setInterval(() => {
      const nowMs = performance.now();
      this.#watchman.look(nowMs, LOOK_MS);
      this.#door.look(nowMs);
    }, LOOK_MS);
  }

  tellLeader(leader: LeaderHint | null): void {
    for (const connection of this.#connections) connection.tellLeader(leader);
  }

  /** Cuts every client without a word. */
  terminate(): void {
    if (this.#looker !== null) clearInterval(this.#looker);
    this.#http.close();
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#http.closeAllConnections();
    this.#door.close();
  }

  tellMembers(members: readonly MemberAddress[]): void {
    const notice = encodeMembersNotice(members);
    for (const connection of this.#connections) connection.tellMembers(notice);
  }

  /** Those that are connected go elsewhere; who comes still hears why. */
  disconnect(): void {
    this.#flush();
    for (const socket of this.#sockets.clients) socket.close(CLOSE_GOING_AWAY, "the node does not serve");
  }

  /** Sends what is answered, says goodbye, and waits a moment for those who listen. */
  async close(): Promise<void> {
    if (this.#looker !== null) clearInterval(this.#looker);
    this.#flush();
    this.#http.close();
    const clients = [...this.#sockets.clients];
    for (const socket of clients) {
      // One whose turn has not come would not hear the answer.
      socket.resume();
      socket.close(CLOSE_GOING_AWAY, "the node stops");
    }
    const gone = Promise.all(
      clients.map((socket) => new Promise((resolve) => socket.once("close", resolve))),
    );
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([gone, new Promise((resolve) => (timer = setTimeout(resolve, GOODBYE_MS)))]);
    clearTimeout(timer);
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#http.closeAllConnections();
    this.#door.close();
    this.#lines.close();
  }

  #hostOf(service: KeyValueService): ConnectionHost {
    const { limits, traffic } = this.#options;
    return {
      service,
      traffic,
      share: new FairShare({ requests: limits.inflightRequests, bytes: limits.inflightBytes }),
      readTurns: new ReadTurns(),
      lines: this.#lines,
      handshakeMs: limits.handshakeMs,
      unreadBytesMax: limits.unreadBytes,
      isCrowded: () => this.#watchman.isCrowded,
      onGreeted: (connection) => this.#admit(connection),
      onReplies: (connection) => {
        this.#toFlush.push(connection);
        if (this.#flushScheduled) return;
        this.#flushScheduled = true;
        setImmediate(() => this.#flush());
      },
      onSent: (bytes) => this.#watchman.sent(bytes),
      onReceived: (bytes) => this.#watchman.received(bytes),
      onCut: () => (this.#cut += 1),
    };
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const remote = remoteOf(socket);
    if (request.url !== CLIENT_PATH) {
      this.#turnAway("nothing is upgraded but the client protocol", remote);
      refuseUpgrade(socket, "HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n");
    } else if (this.#greeted.size >= this.#options.limits.connections) {
      this.#turnAway("too many clients", remote);
      refuseUpgrade(
        socket,
        "HTTP/1.1 503 Too Many Connections\r\nconnection: close\r\nretry-after: 1\r\n\r\n",
      );
    } else {
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
        this.#connected(webSocket, socket, remote);
      });
    }
  }

  #turnAway(why: string, remote: string): void {
    this.#refused += 1;
    this.#lines.warn(`refused a client: ${why}`, { remote }, `refused a client: ${why}`);
  }

  #connected(webSocket: WebSocket, socket: Socket, remote: string): void {
    const connection = new ClientConnection(webSocket, socket, remote, this.#host);
    this.#connections.add(connection);
    webSocket.on("close", () => {
      this.#connections.delete(connection);
      this.#greeted.delete(connection);
    });
  }

  /** Those who came before it may have said hello first. */
  #admit(connection: ClientConnection): boolean {
    if (this.#greeted.size >= this.#options.limits.connections) return false;
    this.#greeted.add(connection);
    this.#door.admitted(connection.socket);
    return true;
  }

  #flush(): void {
    this.#flushScheduled = false;
    const connections = this.#toFlush;
    this.#toFlush = [];
    for (const connection of connections) connection.turnEnded();
  }
}
