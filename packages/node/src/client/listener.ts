import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import { CLIENT_PATH, CLOSE_GOING_AWAY } from "@raftkv/protocol";
import type { LeaderHint } from "@raftkv/protocol";
import type { HostPort } from "../host-port.js";
import { listen } from "../listen.js";
import type { Logger } from "../logger.js";
import type { ClientTraffic } from "../metrics/client-traffic.js";
import { ClientConnection } from "./connection.js";
import type { KeyValueService } from "./key-value-service.js";

/** How long clients have to take their last replies when the node stops. */
const GOODBYE_MS = 1_000;
/** A client that vanished without a word would otherwise hold its place among `connectionsMax` for ever. */
const KEEPALIVE_MS = 15_000;

export interface ClientListenerOptions {
  readonly listen: HostPort;
  readonly connectionsMax: number;
  readonly unreadBytesMax: number;
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
  readonly #connections = new Set<ClientConnection>();
  #toFlush: ClientConnection[] = [];
  #flushScheduled = false;

  constructor(options: ClientListenerOptions) {
    this.#options = options;
    this.#http = createServer({ keepAlive: true, keepAliveInitialDelay: KEEPALIVE_MS }, options.onRequest);
    this.#sockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: options.service.limits.frameBytes,
    });
    this.#http.on("upgrade", (request, socket, head) => {
      if (request.url !== CLIENT_PATH) {
        refuse(socket, "HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n");
      } else if (this.#connections.size >= options.connectionsMax) {
        options.logger.warn(
          { connections: this.#connections.size },
          "refused a client: too many connections",
        );
        refuse(socket, "HTTP/1.1 503 Too Many Connections\r\nconnection: close\r\nretry-after: 1\r\n\r\n");
      } else {
        this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
          this.#connected(webSocket, `${request.socket.remoteAddress}:${request.socket.remotePort}`);
        });
      }
    });
  }

  get connections(): number {
    return this.#connections.size;
  }

  async listen(): Promise<void> {
    await listen(this.#http, this.#options.listen);
  }

  tellLeader(leader: LeaderHint | null): void {
    for (const connection of this.#connections) connection.tellLeader(leader);
  }

  /** Cuts every client without a word. */
  terminate(): void {
    this.#http.close();
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#http.closeAllConnections();
  }

  /** Sends what is answered, says goodbye, and waits a moment for those who listen. */
  async close(): Promise<void> {
    this.#flush();
    this.#http.close();
    const clients = [...this.#sockets.clients];
    for (const socket of clients) socket.close(CLOSE_GOING_AWAY, "the node stops");
    const gone = Promise.all(
      clients.map((socket) => new Promise((resolve) => socket.once("close", resolve))),
    );
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([gone, new Promise((resolve) => (timer = setTimeout(resolve, GOODBYE_MS)))]);
    clearTimeout(timer);
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#http.closeAllConnections();
  }

  #connected(socket: WebSocket, remote: string): void {
    const { service, logger, traffic, unreadBytesMax } = this.#options;
    const connection = new ClientConnection({
      socket,
      remote,
      service,
      logger,
      traffic,
      unreadBytesMax,
      onReplies: (replying) => {
        this.#toFlush.push(replying);
        if (this.#flushScheduled) return;
        this.#flushScheduled = true;
        setImmediate(() => this.#flush());
      },
    });
    this.#connections.add(connection);
    socket.on("close", () => this.#connections.delete(connection));
  }

  #flush(): void {
    this.#flushScheduled = false;
    const connections = this.#toFlush;
    this.#toFlush = [];
    for (const connection of connections) connection.flush();
  }
}

/**
 * Node.js takes its own listener off a socket that asks for an upgrade, and an error that nobody listens to ends the
 * process: so a client that resets the connection would take the node down (C6, J).
 */
function refuse(socket: Duplex, response: string): void {
  socket.on("error", () => socket.destroy());
  socket.once("finish", () => socket.destroy());
  socket.end(response);
}
