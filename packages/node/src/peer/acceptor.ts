import { createServer } from "node:http";
import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import {
  PEER_HELLO_BYTES_MAX,
  PEER_NAME_HEADER,
  PEER_PATH,
  PEER_VERSION_MAX,
  PEER_VERSION_MIN,
  ProtocolError,
  decodePeerHello,
  encodePeerRefusal,
  encodePeerWelcome,
  isMemberName,
} from "@raftkv/protocol";
import type { PeerHello, PeerIdentity, PeerRefusalCode } from "@raftkv/protocol";
import { Door, remoteOf } from "../door.js";
import type { PeerRefusal } from "../formation.js";
import type { HostPort } from "../host-port.js";
import { listen } from "../listen.js";
import type { Logger } from "../logger.js";
import { refuseUpgrade } from "../refuse-upgrade.js";
import { RepeatedLines } from "../repeated-lines.js";

const CLOSE_REFUSED = 1008;
/** How long one that was refused may take to read why. */
const REFUSED_MS = 1_000;
const MISDIRECTED = 421;
/** The dialler pings; this end finds out by itself when the other one vanished without a word. */
const KEEPALIVE_MS = 15_000;
/** Nobody has business with HTTP here: each is told so at once. */
const HTTP_REQUESTS_MAX = 16;
/** How often those are looked at that do not read what they were told. */
const LOOK_MS = 250;

/** What strangers may take of this node at its peer address (C7). */
export interface AcceptorLimits {
  /** From the connection to the end of the hello. */
  readonly handshakeMs: number;
  /** Connections that have not said hello. */
  readonly waiting: number;
  /** Of a frame of a member; before the hello it is `PEER_HELLO_BYTES_MAX`. */
  readonly frameBytes: number;
}

export interface AcceptorOptions {
  readonly listen: HostPort;
  readonly limits: AcceptorLimits;
  readonly logRepeatMs: number;
  readonly logger: Logger;
  readonly identity: () => PeerIdentity;
  readonly meet: (peer: PeerIdentity) => PeerRefusal | null;
  /** A peer that is who it says has come. */
  readonly onGreeted: (peer: PeerHello) => void;
  /** A frame of a peer that is who it says. Throws a typed error when it cannot be trusted: the connection is cut (C6). */
  readonly onFrame: (peer: PeerHello, bytes: Buffer) => void;
  /** The last connection of this lane from that peer is gone. */
  readonly onLost: (peer: PeerHello) => void;
}

/** The peer address: takes the connections over which the others send to this node. */
export class PeerAcceptor {
  readonly #options: AcceptorOptions;
  readonly #http: Server;
  readonly #sockets: WebSocketServer;
  readonly #door: Door;
  readonly #lines: RepeatedLines;
  /** How many connections of each peer and lane are open: a new one often comes before the old one is known to be gone. */
  readonly #open = new Map<string, number>();
  readonly #peers = new Map<WebSocket, PeerHello>();
  #looker: NodeJS.Timeout | null = null;
  #cutCount = 0;
  #refused = 0;

  constructor(options: AcceptorOptions) {
    this.#options = options;
    const { limits, logRepeatMs, logger } = options;
    this.#lines = new RepeatedLines(logger, logRepeatMs);
    this.#door = new Door({
      who: "members",
      handshakeMs: limits.handshakeMs,
      waitingMax: limits.waiting,
      requestsMax: HTTP_REQUESTS_MAX,
      unreadMs: limits.handshakeMs,
      lines: this.#lines,
      onTurnedAway: () => (this.#refused += 1),
      onRequest: (_request, response) => misdirected(response),
    });
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
      maxPayload: limits.frameBytes,
    });
    this.#http.on("upgrade", (request, socket, head) => {
      const said = request.headers[PEER_NAME_HEADER]?.toString() ?? null;
      if (request.url !== PEER_PATH) {
        refuseUpgrade(socket, `HTTP/1.1 ${MISDIRECTED} Misdirected Request\r\nconnection: close\r\n\r\n`);
      } else if (said !== null && !isMemberName(said)) {
        refuseUpgrade(socket, "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
      } else {
        this.#sockets.handleUpgrade(request, socket, head, (webSocket) =>
          this.#connected(webSocket, socket as Socket, said),
        );
      }
    });
  }

  /** Connections that have not said hello. */
  get waiting(): number {
    return this.#door.waiting;
  }

  /** Connections that were cut for what came over them, or did not come. */
  get cutCount(): number {
    return this.#cutCount;
  }

  /** Connections that were not let in, or gave way to others. */
  get refused(): number {
    return this.#refused;
  }

  async listen(): Promise<void> {
    await listen(this.#http, this.#options.listen);
    this.#looker = setInterval(() => this.#door.look(performance.now()), LOOK_MS);
  }

  async close(): Promise<void> {
    if (this.#looker !== null) clearInterval(this.#looker);
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#sockets.close();
    this.#door.close();
    this.#lines.close();
    await new Promise<void>((resolve) => {
      this.#http.close(() => resolve());
      this.#http.closeAllConnections();
    });
  }

  /** Ends the connections of those of whom `isCut` says so; when they come again they are told why. */
  cut(isCut: (peer: PeerHello) => boolean): void {
    for (const [socket, peer] of this.#peers) if (isCut(peer)) socket.terminate();
  }

  /** @param said how the upgrade request calls who dials; null: it is of a version that does not say. */
  #connected(socket: WebSocket, under: Socket, said: string | null): void {
    let peer: PeerHello | null = null;
    // What still comes of one that was refused or cut is not looked at.
    let isOver = false;
    const { handshakeMs } = this.#options.limits;
    const name = (): string => peer?.name ?? said ?? `a stranger at ${remoteOf(under)}`;
    const cut = (why: string): void => {
      if (isOver) return;
      isOver = true;
      this.#cut(socket, name(), why);
    };
    const deadline = setTimeout(() => cut("no hello came in time"), handshakeMs);
    const bytesBefore = under.bytesRead;
    // A frame is whole only at its end: what comes of it until then is bounded here.
    const measure = (): void => {
      if (under.bytesRead - bytesBefore > PEER_HELLO_BYTES_MAX)
        cut(`its hello is larger than ${PEER_HELLO_BYTES_MAX} bytes`);
    };
    under.on("data", measure);
    socket.on("message", (data) => {
      if (isOver) return;
      try {
        if (peer === null) {
          clearTimeout(deadline);
          under.off("data", measure);
          peer = this.#greeted(socket, data as Buffer, said);
          isOver = peer === null;
          if (peer !== null) {
            this.#door.admitted(under);
            this.#peers.set(socket, peer);
            this.#count(peer, 1);
            this.#options.onGreeted(peer);
          }
        } else {
          this.#options.onFrame(peer, data as Buffer);
        }
      } catch (error) {
        cut((error as Error).message);
      }
    });
    socket.on("error", (error) => cut(error.message));
    socket.on("close", () => {
      clearTimeout(deadline);
      this.#peers.delete(socket);
      if (peer !== null) this.#count(peer, -1);
    });
  }

  #greeted(socket: WebSocket, data: Buffer, said: string | null): PeerHello | null {
    const hello = decodePeerHello(data);
    if (said !== null && said !== hello.name)
      throw new ProtocolError(`it said that it is ${said}, and its hello is of another one`);
    const refusal = this.#refusalOf(hello);
    if (refusal !== null) {
      const { code, message } = refusal;
      this.#refused += 1;
      this.#lines.warn(
        `refused a member: ${code}`,
        { peer: hello.name, code },
        `refused ${hello.name}: ${message}`,
      );
      socket.send(encodePeerRefusal(code, message));
      socket.close(CLOSE_REFUSED);
      setTimeout(() => socket.terminate(), REFUSED_MS).unref();
      return null;
    }
    // Sent after the peer's identity is on disk: the answer confirms it (R25).
    socket.send(encodePeerWelcome(this.#options.identity(), Math.min(hello.versionMax, PEER_VERSION_MAX)));
    return hello;
  }

  #refusalOf(hello: PeerHello): { readonly code: PeerRefusalCode; readonly message: string } | null {
    const { name } = this.#options.identity();
    if (hello.versionMin > PEER_VERSION_MAX || hello.versionMax < PEER_VERSION_MIN) {
      return {
        code: "UNSUPPORTED_VERSION",
        message:
          `${hello.name} speaks peer protocol ${hello.versionMin} to ${hello.versionMax}, ` +
          `${name} speaks ${PEER_VERSION_MIN} to ${PEER_VERSION_MAX}`,
      };
    }
    if (hello.to !== name) return { code: "WRONG_NODE", message: `this is ${name}, not ${hello.to}` };
    return this.#options.meet(hello);
  }

  #count(peer: PeerHello, change: 1 | -1): void {
    const key = `${peer.serverId}/${peer.lane}`;
    const count = (this.#open.get(key) ?? 0) + change;
    if (count > 0) {
      this.#open.set(key, count);
      return;
    }
    this.#open.delete(key);
    this.#options.onLost(peer);
  }

  #cut(socket: WebSocket, name: string, why: string): void {
    this.#cutCount += 1;
    this.#lines.warn(
      "cut a member's connection",
      { peer: name, error: why },
      `cut the connection of ${name}: ${why}`,
    );
    socket.terminate();
  }
}

/** Somebody took this for the client address. */
function misdirected(response: ServerResponse): void {
  response.writeHead(MISDIRECTED, { "content-type": "text/plain" });
  response.end("this is raftkv's address for other nodes; clients have one of their own\n");
}
