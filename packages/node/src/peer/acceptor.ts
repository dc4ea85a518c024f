import { createServer } from "node:http";
import type { Server } from "node:http";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import {
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
import type { PeerRefusal } from "../formation.js";
import type { HostPort } from "../host-port.js";
import { listen } from "../listen.js";
import type { Logger } from "../logger.js";
import { refuseUpgrade } from "../refuse-upgrade.js";

const HELLO_MS = 5_000;
const CLOSE_REFUSED = 1008;
/** What a client is told that took this for the client address. */
const MISDIRECTED = 421;
/** The dialler pings; this end finds out by itself when the other one vanished without a word. */
const KEEPALIVE_MS = 15_000;

export interface AcceptorOptions {
  readonly listen: HostPort;
  readonly frameBytesMax: number;
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
  /** How many connections of each peer and lane are open: a new one often comes before the old one is known to be gone. */
  readonly #open = new Map<string, number>();
  readonly #peers = new Map<WebSocket, PeerHello>();

  constructor(options: AcceptorOptions) {
    this.#options = options;
    this.#http = createServer(
      {
        keepAlive: true,
        keepAliveInitialDelay: KEEPALIVE_MS,
        headersTimeout: HELLO_MS,
        requestTimeout: HELLO_MS,
        connectionsCheckingInterval: HELLO_MS >> 2,
      },
      (_request, response) => {
        response.writeHead(MISDIRECTED, { "content-type": "text/plain" });
        response.end("this is raftkv's address for other nodes; clients have one of their own\n");
      },
    );
    this.#sockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: options.frameBytesMax,
    });
    this.#http.on("upgrade", (request, socket, head) => {
      const said = request.headers[PEER_NAME_HEADER]?.toString() ?? null;
      if (request.url !== PEER_PATH) {
        refuseUpgrade(socket, `HTTP/1.1 ${MISDIRECTED} Misdirected Request\r\nconnection: close\r\n\r\n`);
      } else if (said !== null && !isMemberName(said)) {
        refuseUpgrade(socket, "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
      } else {
        this.#sockets.handleUpgrade(request, socket, head, (webSocket) => this.#connected(webSocket, said));
      }
    });
  }

  async listen(): Promise<void> {
    await listen(this.#http, this.#options.listen);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#sockets.close();
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
  #connected(socket: WebSocket, said: string | null): void {
    let peer: PeerHello | null = null;
    const deadline = setTimeout(() => socket.terminate(), HELLO_MS);
    socket.on("message", (data) => {
      try {
        if (peer === null) {
          clearTimeout(deadline);
          peer = this.#greeted(socket, data as Buffer, said);
          if (peer !== null) {
            this.#peers.set(socket, peer);
            this.#count(peer, 1);
            this.#options.onGreeted(peer);
          }
        } else {
          this.#options.onFrame(peer, data as Buffer);
        }
      } catch (error) {
        this.#cut(socket, peer?.name ?? said, error as Error);
      }
    });
    socket.on("error", (error) => this.#cut(socket, peer?.name ?? said, error));
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
      this.#options.logger.warn(
        { peer: hello.name, code: refusal.code },
        `refused ${hello.name}: ${refusal.message}`,
      );
      socket.send(encodePeerRefusal(refusal.code, refusal.message));
      socket.close(CLOSE_REFUSED);
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

  #cut(socket: WebSocket, said: string | null, error: Error): void {
    const name = said ?? "an unknown peer";
    this.#options.logger.warn(
      { peer: name, error: error.message },
      `cut the connection of ${name}: ${error.message}`,
    );
    socket.terminate();
  }
}
