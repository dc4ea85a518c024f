import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { HttpTurns } from "./http-turns.js";
import { refuseUpgrade } from "./refuse-upgrade.js";
import type { RepeatedLines } from "./repeated-lines.js";

export interface DoorOptions {
  /** What those who come are to become. */
  readonly who: "clients" | "members";
  /** From the connection to the end of an HTTP head, or of the hello. */
  readonly handshakeMs: number;
  /** Connections that have neither said hello nor have an HTTP request under way. */
  readonly waitingMax: number;
  /** HTTP requests under way. */
  readonly requestsMax: number;
  /** How long a response may wait for its reader. */
  readonly unreadMs: number;
  readonly lines: RepeatedLines;
  /** A connection or a request was refused, or gave way. */
  readonly onTurnedAway: () => void;
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
}

/** Somebody who asked, and what was sent of the answers when they were last looked at. */
interface Asking {
  requests: number;
  bytes: number;
  sinceMs: number;
}

/** What is answered to bytes that are no HTTP, by the parser's code; 400 for all others. */
const HEAD_ERRORS: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
};

/**
 * Who has connected and is not known yet, and who asks by HTTP (C7). Anybody can connect; so of those who wait the one that has waited
 * longest gives way when there are too many. Who speaks is through in a moment.
 */
export class Door {
  readonly #options: DoorOptions;
  /** In the order in which they came. */
  readonly #waiting = new Set<Duplex>();
  readonly #asking = new Map<Socket, Asking>();
  readonly #turns = new HttpTurns();
  #requests = 0;

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  /** Before anything is read from it. */
  guard(server: Server): void {
    const { handshakeMs } = this.#options;
    server.headersTimeout = handshakeMs;
    server.requestTimeout = handshakeMs;
    server.on("connection", (socket: Socket) => this.#entered(socket));
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => this.#noHttp(error, socket));
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** It has said hello. */
  admitted(socket: Duplex): void {
    this.#waiting.delete(socket);
  }

  readonly request = (request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request;
    const { lines, onRequest, onTurnedAway, requestsMax } = this.#options;
    // Whoever watches over the process must not end it for what others ask; this costs no more than a refusal.
    const isHealth = request.url === "/health";
    if (this.#requests >= requestsMax && !isHealth) {
      const why = "too many HTTP requests";
      onTurnedAway();
      lines.warn(why, { remote: remoteOf(socket), requests: this.#requests }, `refused a request: ${why}`);
      response.writeHead(503, { "content-type": "text/plain", connection: "close", "retry-after": "1" });
      response.end(`${why} are under way\n`);
      return;
    }
    this.#requests += 1;
    this.#waiting.delete(socket);
    const asking = this.#asking.get(socket);
    if (asking === undefined) {
      this.#asking.set(socket, { requests: 1, bytes: socket.bytesWritten, sinceMs: performance.now() });
    } else asking.requests += 1;
    response.once("close", () => this.#answered(socket));
    if (isHealth) onRequest(request, response);
    else this.#turns.add(response, () => onRequest(request, response));
  };

  /** The node stops. */
  close(): void {
    for (const socket of this.#waiting) socket.destroy();
  }

  /** Cuts those who asked for something and do not read it. */
  look(nowMs: number): void {
    const { lines, unreadMs } = this.#options;
    for (const [socket, asking] of this.#asking) {
      const { bytesWritten, writableLength } = socket;
      // What waits in this process counts as written: less of it waiting is progress.
      const sent = bytesWritten - writableLength;
      if (writableLength === 0 || sent !== asking.bytes) {
        asking.bytes = sent;
        asking.sinceMs = nowMs;
      } else if (nowMs - asking.sinceMs >= unreadMs) {
        const why = "a response is not read";
        lines.warn(why, { remote: remoteOf(socket) }, `cut a connection: ${why}`);
        socket.destroy();
      }
    }
  }

  #answered(socket: Socket): void {
    const asking = this.#asking.get(socket);
    if (asking === undefined) return;
    this.#requests -= 1;
    asking.requests -= 1;
    if (asking.requests > 0) return;
    this.#asking.delete(socket);
    if (!socket.destroyed) this.#waiting.add(socket);
  }

  #left(socket: Socket): void {
    this.#waiting.delete(socket);
    // Of several requests on one socket Node.js tells only the first that it is gone.
    this.#requests -= this.#asking.get(socket)?.requests ?? 0;
    this.#asking.delete(socket);
  }

  #entered(socket: Socket): void {
    this.#waiting.add(socket);
    socket.once("close", () => this.#left(socket));
    if (this.#waiting.size <= this.#options.waitingMax) return;
    const [oldest] = this.#waiting;
    if (oldest === undefined) return;
    const why = `too many connections that are no ${this.#options.who} yet`;
    this.#options.onTurnedAway();
    this.#options.lines.warn(why, { remote: remoteOf(oldest as Socket) }, `cut the oldest of ${why}`);
    this.#waiting.delete(oldest);
    oldest.destroy();
  }

  #noHttp(error: NodeJS.ErrnoException, socket: Duplex): void {
    const code = error.code ?? "";
    // It was reset, or went away in the middle: nobody is there to be answered.
    if (!socket.writable || code === "ECONNRESET") {
      socket.destroy();
      return;
    }
    const status = HEAD_ERRORS[code] ?? "400 Bad Request";
    this.#options.onTurnedAway();
    const kind = code === "ERR_HTTP_REQUEST_TIMEOUT" ? "no request came in time" : "what came is no HTTP";
    this.#options.lines.warn(kind, { remote: remoteOf(socket as Socket), code }, `cut a connection: ${kind}`);
    refuseUpgrade(socket, `HTTP/1.1 ${status}\r\nconnection: close\r\n\r\n`);
  }
}

export function remoteOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}:${remotePort}`;
}
